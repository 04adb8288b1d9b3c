import { z } from "zod";
import { readSigningKey } from "../evidence/evidence-key.ts";
import { defaultBootstrapPattern } from "../fleet/kubernetes/bootstrap-pattern.ts";
import { internalKeyKinds } from "../keys/internal-keys.ts";
import { algorithms } from "../keys/realm-keys.ts";
import { notifyShape } from "../notify/notify-shape.ts";
import { targets } from "./target-shape.ts";
import { accepted, flag, httpUrl, names, path, rejected, seconds } from "./value-shapes.ts";

const algorithmList = z
  .array(z.enum(algorithms, `is not one of ${algorithms.join(", ")}`))
  .min(1, "is empty")
  .refine((list) => new Set(list).size === list.length, "names an algorithm twice");

const someSessions = z
  .strictObject({
    sids: names.describe("Session ids"),
    users: names.describe("User names; all sessions of these users end"),
    realmRoles: names.describe("Realm roles; the sessions of every user with one of these roles end"),
  })
  .refine(
    (some) => Object.values(some).some((list) => list.length > 0),
    "names no session, no user and no role",
  );

/** One of several realms, with the settings that differ for it. */
export const realmEntry = z.strictObject({
  name: z.string("is missing: set it to the realm's name").min(1),
  targets: targets.optional().describe("Default: the stack's own, as for the keys below"),
  algorithms: algorithmList.optional(),
  exemptKeys: z.array(z.string().min(1)).optional(),
  jwksUris: z.array(httpUrl).optional(),
});

/** One of several realms, with the settings that it has instead of the stack's. */
export type RealmEntry = z.infer<typeof realmEntry>;

/** A name, or a list of names and objects. */
const realms = z
  .preprocess(
    (given) => {
      const list = Array.isArray(given) ? given : given === undefined ? given : [given];
      return list?.map((one: unknown) => (typeof one === "string" ? { name: one } : one));
    },
    z
      .array(realmEntry, "is missing: set it to the realm's name")
      .min(1, "is empty: list the names of the realms"),
  )
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, "names a realm twice");

/**
 * The stack config's own keys, with their defaults, and a message for each value that is wrong. Lists and objects are
 * parsed already; all other values are text, as Pulumi passes them.
 */
export const settingsShape = z.strictObject({
  rotation: z
    .string("is missing: set it to 1, and bump it to rotate")
    .regex(/^[1-9][0-9]{0,8}$/, "is not a whole number of 1 or more")
    .transform(Number),
  mode: z.enum(["planned", "emergency", "rollback"], "is not planned, emergency or rollback"),
  incident: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "is not a ticket id of letters, digits, dot, dash and underscore")
    .default(""),
  reason: z.string().default(""),
  realm: realms,
  algorithms: algorithmList.default(["RS256"]),
  keySize: z
    .string()
    .regex(/^(2048|3072|4096)$/, "is not 2048, 3072 or 4096")
    .default("2048")
    .transform(Number),
  exemptKeys: names,
  acknowledge: z
    .array(
      z.strictObject({
        kid: z.string().min(1).describe("Kid of a dead key that can't be proven to be refused"),
        reason: z.string().min(1, "is empty: it stands in the evidence").describe("Why that is acceptable"),
      }),
    )
    .refine((list) => new Set(list.map(({ kid }) => kid)).size === list.length, "names a kid twice")
    .default([]),
  overlapSeconds: z.coerce.number("is not a number of seconds").min(0).max(31_536_000).optional(),
  allowShortOverlap: flag,
  keepRetired: z
    .string()
    .regex(/^[0-9]{1,3}$/, "is not a whole number of 0 or more")
    .default("1")
    .transform(Number),
  emergency: z
    .strictObject({
      budgetSeconds: z
        .number()
        .min(0)
        .max(60)
        .default(5)
        .describe(
          "Seconds that all that comes before the disabling of the keys may take, however many instances hang",
        ),
    })
    .prefault({}),
  freeze: z
    .enum(["none", "api", "keycloak", "both", "release"], "is not none, api, keycloak, both or release")
    .default("none"),
  freezePath: path.default("/internal/admin/freeze"),
  internalKeys: z
    .array(z.enum(internalKeyKinds, `is not one of ${internalKeyKinds.join(", ")}`))
    .refine((list) => new Set(list).size === list.length, "names a kind twice")
    .default([]),
  sessions: z
    .strictObject({
      revoke: z
        .union([z.enum(["none", "all"]), someSessions], "is not none, all, or {sids, users, realmRoles}")
        .default("none"),
      denyListPath: path
        .default("/internal/auth/deny-list")
        .describe("Path of the instances' deny-list operation; `/{sid}` is appended"),
      adminProbe: z
        .strictObject({
          path: path.default("/api/admin").describe("GET path that only administrators may read"),
          realmRoles: z
            .array(z.string().min(1))
            .default(["admin"])
            .describe("Realm roles of the administrator that is created for the probe"),
          acceptedStatuses: z.array(accepted).min(1).default([200]),
          rejectedStatuses: z.array(rejected).min(1).default([401, 403]),
        })
        .prefault({}),
    })
    .prefault({}),
  jwksUris: z.array(httpUrl).default([]),
  jwksTimeoutSeconds: z.coerce.number("is not a number of seconds").min(1).max(3600).default(60),
  targets,
  refresh: z
    .strictObject({
      path: path.default("/internal/auth/jwks/refresh").describe("Path of the instances' refresh operation"),
      attempts: z.int().min(1).max(100).default(4).describe("Attempts per instance"),
      timeoutSeconds: seconds(5).describe("Limit for each attempt"),
      concurrency: z
        .int()
        .min(1)
        .max(1000)
        .default(16)
        .describe("Instances that are called at the same time"),
    })
    .prefault({}),
  probe: z
    .strictObject({
      path: path.default("/api/me").describe("GET path that accepts the token of any valid user"),
      acceptedStatuses: z.array(accepted).min(1).default([200]),
      rejectedStatuses: z.array(rejected).min(1).default([401]),
      attempts: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .describe("Attempts per token while an answer is inconclusive"),
      timeoutSeconds: seconds(5).describe("Limit for each attempt"),
      connections: z
        .int()
        .min(1)
        .max(128)
        .default(8)
        .describe(
          "Connections that are open at the same time to an instance that does not say how many processes it is",
        ),
      clockSkewSeconds: z.number().min(0).max(600).default(60).describe("Clock skew that instances tolerate"),
      watchSeconds: z
        .number()
        .min(0)
        .max(3600)
        .default(30)
        .describe(
          "For how long an emergency asks again after its proof whether a retired key has come back; 0: not at all",
        ),
      audience: names.describe("Audiences that the API requires in a token"),
      realmRoles: names.describe("Realm roles that the API requires in a token"),
    })
    .prefault({}),
  restart: z
    .strictObject({
      strategy: z
        .enum(
          ["refresh", "restart", "refresh-then-restart"],
          "is not refresh, restart or refresh-then-restart",
        )
        .default("refresh-then-restart")
        .describe("What to do with an instance that can't be refreshed or keeps its cache"),
      timeoutSeconds: z.number().min(1).max(7200).default(600).describe("Limit for one rollout"),
      bootstrapPattern: z
        .string()
        .refine(isPattern, "is not a regular expression")
        .default(defaultBootstrapPattern)
        .describe("Regular expression (case-insensitive) that a line of the start-up log must match"),
      command: z
        .array(z.string().min(1))
        .default([])
        .describe(
          "For instances by URL: program and arguments that restart one instance; run without a shell",
        ),
      logs: z
        .array(z.string().min(1))
        .default([])
        .describe("For instances by URL: program and arguments that print the log of one instance"),
    })
    .prefault({}),
  apiRefreshTokenVersion: z
    .string()
    .regex(/^[1-9][0-9]{0,8}$/, "is not a whole number of 1 or more")
    .default("1")
    .transform(Number),
  takeOverLease: z
    .string()
    .regex(
      /^[1-9][0-9]*-[0-9a-f]{8}$/,
      "is not the id of a lease, as the error that names its holder gives it",
    )
    .or(z.literal(""))
    .default(""),
  evidenceDir: z.string().min(1).default("evidence"),
  notify: notifyShape.optional(),
  evidence: z
    .strictObject({
      signingKey: z
        .string()
        .superRefine(refuseUnusableKey)
        .optional()
        .describe(
          "Secret. Private JWK, or PKCS#8 PEM: EC P-256 or P-384, Ed25519, or RSA of 2048 bits or more",
        ),
    })
    .prefault({}),
  maxKeyAgeDays: z.coerce.number("is not a number of days").min(1).max(3650).default(90),
  apiRefreshToken: z.string().min(16, "is shorter than 16 characters").optional(),
});

/** Keys whose values are lists or objects. */
export const structuredKeys = [
  "emergency",
  "realm",
  "algorithms",
  "exemptKeys",
  "acknowledge",
  "jwksUris",
  "targets",
  "refresh",
  "probe",
  "restart",
  "internalKeys",
  "sessions",
  "notify",
  "evidence",
];

/** Problems of values that are each valid alone, but not together. */
export function contradictions({ mode, incident }: Record<string, unknown>): string[] {
  if (mode !== "emergency" || incident) return [];
  return ["incident: is missing: an emergency rotation needs the incident's ticket"];
}

function refuseUnusableKey(text: string, context: z.RefinementCtx): void {
  const reading = readSigningKey(text);
  if (reading.ok) return;
  // The value itself stays out of the issue.
  for (const message of reading.problems) context.addIssue({ code: "custom", message, input: undefined });
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "i");
    return true;
  } catch {
    return false;
  }
}
