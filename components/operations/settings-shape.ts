import { z } from "zod";
import { isHttpUrl, trimSlash } from "./connection.ts";
import type { Instance } from "./instances.ts";
import { algorithms } from "./realm-keys.ts";

const httpUrl = z.string().refine(isHttpUrl, "is not an http(s) URL without credentials");
const baseUrl = httpUrl.transform(trimSlash);
const path = z.string().regex(/^\/\S*$/, "is not a path that starts with /");
const accepted = z.int().min(200, "is not a 2xx status").max(299, "is not a 2xx status");
/** Anything else, a redirect or a 5xx above all, is no verdict and must never count as a rejection. */
const rejected = z.literal([401, 403], "is not 401 or 403");
const seconds = (initial: number) => z.number().positive().max(600).default(initial);
const names = z.array(z.string().min(1)).default([]);
/** Either a base URL, whose host is then the name, or both. */
const instance = z.preprocess(
  (given) => (typeof given === "string" ? { url: given } : given),
  z
    .strictObject({ name: z.string().min(1).optional(), url: baseUrl })
    .transform(({ name, url }) => ({ name: name ?? new URL(url).host, url })),
);

/**
 * The stack config's own keys, with their defaults and what is wrong with a value in words. Lists and objects come
 * parsed, everything else as text, which is how Pulumi hands them out.
 */
export const settingsShape = z.strictObject({
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
  jwksTimeoutSeconds: z.coerce.number("is not a number of seconds").min(1).max(3600).default(60),
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

/** Keys whose values are lists or objects. */
export const structuredKeys = ["algorithms", "exemptKeys", "jwksUris", "instances", "refresh", "probe"];

/** Where an instance is itself wrong, its name or URL may be missing here. */
function refuseDoubles(instances: readonly Partial<Instance>[], context: z.RefinementCtx): void {
  for (const key of ["name", "url"] as const) {
    const values = instances.flatMap((instance) => instance[key] ?? []);
    const doubles = values.filter((value, index) => values.indexOf(value) !== index);
    for (const value of new Set(doubles)) context.addIssue(`names the ${key} ${value} twice`);
  }
}
