import { z } from "zod";
import { type Behaviour, isBehaviour, misbehaviours, workersUsage } from "./misbehaviour.ts";

const url = z.url({ protocol: /^https?$/ });
const milliseconds = z.coerce.number().int().nonnegative();

const environment = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  HOST: z.string().default("127.0.0.1"),
  ISSUER: url,
  JWKS_URI: url.optional(),
  AUDIENCE: z.string().min(1).optional(),
  INTERNAL_JWKS_REFRESH_TOKEN: z.string().min(1).optional(),
  ADMIN_ROLE: z.string().min(1).default("admin"),
  INSTANCE_NAME: z.string().min(1).default("api"),
  CACHE_MAX_AGE_MS: milliseconds.default(600_000),
  COOLDOWN_MS: milliseconds.default(30_000),
  ACCESS_LOG: z.string().min(1).optional(),
  LOG_FORMAT: z.enum(["text", "json"]).default("text"),
  MISBEHAVE: z
    .custom<Behaviour>(isBehaviour, `must be one of none, ${misbehaviours.join(", ")}, ${workersUsage}`)
    .default("none"),
});

/** What the sample API reads from its environment. */
export type SampleApiConfig = z.infer<typeof environment>;

/** Reads the environment. An empty variable counts as absent. Throws one Error that names every problem. */
export function readConfig(env: NodeJS.ProcessEnv): SampleApiConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = environment.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new Error(`The sample API's environment is wrong:\n${problems.join("\n")}`);
}
