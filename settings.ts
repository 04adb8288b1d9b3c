import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { isHttpUrl, type KeycloakConnection, readConnection, trimSlash } from "#operations/connection";
import type { RunContext } from "#operations/evidence";
import { inspectRealm } from "#operations/inspect-realm";
import type { Instance } from "#operations/instances";
import { KeycloakAdmin } from "#operations/keycloak-admin";
import type { ProbeSettings } from "#operations/probes";
import { type Algorithm, algorithms } from "#operations/realm-keys";
import type { RefreshSettings } from "#operations/refresh";

/** Everything that the stack config says, checked. */
export interface Settings {
  run: RunContext;
  algorithms: Algorithm[];
  /** RSA modulus bits of new keys. */
  keySize: number;
  exemptKeys: string[];
  jwksUris: string[];
  instances: Instance[];
  refresh: RefreshSettings;
  probe: ProbeSettings;
  probeClient: ProbeClientSettings;
  /** Where it is not given, the program generates one. */
  refreshToken?: pulumi.Output<string>;
}

/** What the API demands of a token, beyond its signature. */
export interface ProbeClientSettings {
  /** Values for the `aud` claim. Default: none. */
  audience: string[];
  /** Realm roles of the probe clients' service accounts. Default: none. */
  realmRoles: string[];
}

const httpUrl = z.string().refine(isHttpUrl, "is not an http(s) URL without credentials");
const baseUrl = httpUrl.transform(trimSlash);
const path = z.string().regex(/^\/\S*$/, "is not a path that starts with /");
const accepted = z.int().min(200, "is not a 2xx status").max(299, "is not a 2xx status");
/** Anything else, a redirect or a 5xx above all, is no verdict and must never count as a rejection. */
const rejected = z.literal([401, 403], "is not 401 or 403");
const seconds = (initial: number) => z.number().positive().max(600).default(initial);
const names = z.array(z.string().min(1)).default([]);
const instance = z.union([
  baseUrl.transform((url) => ({ name: new URL(url).host, url })),
  z.strictObject({ name: z.string().min(1), url: baseUrl }),
]);

const shape = z.strictObject({
  rotation: z
    .string("is missing: set it to 1, and bump it to rotate")
    .regex(/^[1-9][0-9]{0,8}$/, "is not a whole number of 1 or more")
    .transform(Number),
  mode: z.enum(["emergency"], "is not emergency (planned rotations are not built yet)"),
  incident: z
    .string("is missing: an emergency rotation needs the incident's ticket")
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "is not a ticket id of letters, digits, dot, dash and underscore"),
  reason: z.string().default(""),
  realm: z.string("is missing: set it to the realm's name").min(1),
  algorithms: z
    .array(z.enum(algorithms, `is not one of ${algorithms.join(", ")}`))
    .min(1, "is empty")
    .refine((list) => new Set(list).size === list.length, "names an algorithm twice")
    .default(["RS256"]),
  keySize: z
    .string()
    .regex(/^(2048|3072|4096)$/, "is not 2048, 3072 or 4096")
    .default("2048")
    .transform(Number),
  exemptKeys: names,
  jwksUris: z.array(httpUrl).default([]),
  instances: z
    .array(instance, "is missing: list the base URL of every API process")
    .min(1, "is empty: list the base URL of every API process")
    .superRefine(refuseDoubles),
  refresh: z
    .strictObject({
      path: path.default("/internal/auth/jwks/refresh"),
      attempts: z.int().min(1).max(100).default(4),
      timeoutSeconds: seconds(5),
      concurrency: z.int().min(1).max(1000).default(16),
    })
    .prefault({}),
  probe: z
    .strictObject({
      path: path.default("/api/me"),
      acceptedStatuses: z.array(accepted).min(1).default([200]),
      rejectedStatuses: z.array(rejected).min(1).default([401]),
      attempts: z.int().min(1).max(100).default(3),
      timeoutSeconds: seconds(5),
      clockSkewSeconds: z.number().min(0).max(600).default(60),
      audience: names,
      realmRoles: names,
    })
    .prefault({}),
  evidenceDir: z.string().min(1).default("evidence"),
  refreshToken: z.string().min(16, "is shorter than 16 characters").optional(),
});

type Shape = z.infer<typeof shape>;
type Raw = Record<string, unknown>;
const structured = ["algorithms", "exemptKeys", "jwksUris", "instances", "refresh", "probe"];

/**
 * Reads the stack config, and asks Keycloak whether the realm can be rotated, without changing anything.
 *
 * @throws {pulumi.RunError} SETTINGS_INVALID with every problem found
 */
export async function readSettings(): Promise<Settings> {
  const raw = readNamespace(pulumi.getProject());
  const parsed = shape.safeParse(parseStructured(raw));
  const keycloak = readNamespace("keycloak");
  const read = readConnection((key) => keycloak[key]);
  const problems = [
    ...(parsed.error?.issues.map(describeIssue) ?? []),
    ...("problems" in read ? read.problems : await realmProblems(read.connection, raw)),
  ];
  if (problems.length > 0 || !parsed.success) throw invalid(problems);
  return toSettings(parsed.data);
}

/** The values of one namespace, without those that are empty. Unlike `Config`, it does not warn of reading a secret. */
function readNamespace(namespace: string): Record<string, string> {
  const entries = Object.entries(pulumi.runtime.allConfig() as Record<string, string>)
    .filter(([key, value]) => key.startsWith(`${namespace}:`) && value !== "")
    .map(([key, value]) => [key.slice(namespace.length + 1), value]);
  return Object.fromEntries(entries);
}

function parseStructured(raw: Record<string, string>): Raw {
  const entries = Object.entries(raw).map(([key, value]) => [
    key,
    structured.includes(key) ? parseJson(value) : value,
  ]);
  return Object.fromEntries(entries);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Looks at the realm with whatever of the settings is sound, so that its problems are in the same message. */
async function realmProblems(connection: KeycloakConnection, raw: Record<string, string>): Promise<string[]> {
  if (!raw.realm) return [];
  const sound = shape
    .pick({ rotation: true, algorithms: true, exemptKeys: true })
    .safeParse(parseStructured(raw));
  const rotation = shape.shape.rotation.safeParse(raw.rotation);
  return inspectRealm(new KeycloakAdmin(connection, raw.realm), {
    rotation: rotation.data ?? Number.POSITIVE_INFINITY,
    algorithms: sound.data?.algorithms ?? algorithms,
    exemptKeys: sound.data?.exemptKeys ?? [],
  });
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys")
    return `${issue.keys.join(", ")}: no such key; see Pulumi.yaml for the keys there are`;
  const where = issue.path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("");
  return `${where.replace(/^\./, "") || "config"}: ${issue.message}`;
}

function invalid(problems: readonly string[]): pulumi.RunError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const list = problems.map((problem) => `\n  - ${problem}`).join("");
  return new pulumi.RunError(
    `SETTINGS_INVALID: ${count} in the config of stack ${pulumi.getStack()}; nothing was touched.${list}\n` +
      "Next: mend them with `pulumi config set` or in the stack's file, then run the same command again.",
  );
}

function refuseDoubles(instances: readonly Instance[], context: z.RefinementCtx): void {
  for (const key of ["name", "url"] as const) {
    const seen = new Set<string>();
    for (const { [key]: value } of instances) {
      if (seen.has(value)) context.addIssue(`names the ${key} ${value} twice`);
      seen.add(value);
    }
  }
}

function toSettings(data: Shape): Settings {
  const { rotation, mode, incident, reason, realm, evidenceDir, refresh, probe, refreshToken, ...rest } =
    data;
  const { audience, realmRoles, timeoutSeconds, ...probeRest } = probe;
  const { timeoutSeconds: refreshTimeout, ...refreshRest } = refresh;
  return {
    ...rest,
    run: { rotation, mode, incident, reason, realm, evidenceDir, stack: pulumi.getStack() },
    refresh: { ...refreshRest, timeoutMs: refreshTimeout * 1000 },
    probe: { ...probeRest, timeoutMs: timeoutSeconds * 1000 },
    probeClient: { audience, realmRoles },
    ...(refreshToken === undefined ? {} : { refreshToken: pulumi.secret(refreshToken) }),
  };
}
