import { z } from "zod";
import { call, identity, kid, time } from "./common.ts";

export const refreshResult = z.strictObject({
  instance: z.string(),
  ...identity,
  outcome: z
    .enum(["claimed", "failed"])
    .describe("A 2xx is a claim of the instance; only a replayed canary token is proof"),
  attempts: z.int().min(1),
  startedAt: time,
  finishedAt: time,
  status: z.int().optional(),
  kids: z.array(kid).optional(),
  reason: z.string().optional(),
  reached: z
    .strictObject({
      connections: z.int().min(1),
      processes: z.array(z.string()).optional(),
      announced: z.int().min(1).optional(),
    })
    .optional()
    .describe("Of an instance of several processes: which of them were called"),
});

export const restart = z.strictObject({
  target: z.string().optional(),
  subject: z.string().describe("A workload, as deployment/shop-api, or an instance's name"),
  because: z.array(z.string()),
  outcome: z.enum(["done", "failed"]),
  startedAt: time,
  finishedAt: time,
  bootstrap: z.enum(["seen", "not-checked"]).optional(),
  reason: z.string().optional(),
});

const called = z.strictObject({ instance: z.string(), ...identity, ...call, at: time });

export const freeze = z.strictObject({
  clients: z.array(
    z.strictObject({
      clientId: z.string(),
      outcome: z.enum(["frozen", "already-frozen", "was-disabled", "absent"]),
      at: time,
    }),
  ),
  instances: z.array(called),
  failures: z.array(z.string()),
});

export const sessions = z.strictObject({
  ended: z.array(
    z.strictObject({
      sid: z.string(),
      user: z.string().optional(),
      because: z.enum(["sid", "user", "role", "all"]),
      offline: z.boolean().optional(),
    }),
  ),
  truncated: z
    .boolean()
    .describe("True: more sessions were ended than are listed here and on the deny-lists"),
  denied: z.array(called).describe("Instances whose deny-list received the sessions"),
  failures: z.array(z.string()),
});

export const announced = z.strictObject({
  known: z.array(z.string()).describe("Instances that reported the new kids before these signed"),
  unproven: z.array(z.string()).describe("Instances that refreshed without reporting the loaded kids"),
  refresh: z.array(refreshResult),
  restarts: z.array(restart),
});
