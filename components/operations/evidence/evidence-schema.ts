import { z } from "zod";
import { phaseNames } from "../base/run-context.ts";
import { internalKeyKinds } from "../keys/internal-keys.ts";

const time = z.iso.datetime().describe("UTC, ISO 8601");
const kid = z.string().min(1);

const verdict = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("accepted"), status: z.int() }),
  z.strictObject({ kind: z.literal("rejected"), status: z.int() }),
  z.strictObject({
    kind: z.literal("inconclusive"),
    reason: z.string(),
    unanswered: z.literal(true).optional(),
  }),
]);

const phase = z.strictObject({
  phase: z.enum(phaseNames),
  outcome: z.enum(["done", "failed", "skipped"]),
  startedAt: time,
  finishedAt: time,
  summary: z.string(),
  error: z.string().optional().describe("A code and what to do next"),
});

const realmKey = z.strictObject({
  kid,
  algorithm: z.string(),
  status: z.enum(["ACTIVE", "PASSIVE", "DISABLED"]),
  signing: z.boolean().describe("Whether it signs for its algorithm"),
  priority: z.number(),
  componentId: z.string(),
  componentName: z.string(),
  providerId: z.string(),
  certificateThumbprint: z.string().optional().describe("SHA-256 of the DER certificate, hex"),
  retireAfter: time
    .optional()
    .describe(
      "End of the overlap that began when this key was activated: from then on the passive keys may be retired",
    ),
});

const keyReference = { kid, algorithm: z.string(), componentName: z.string() };

const retiredKey = z.strictObject({
  ...keyReference,
  disabledAt: time,
  disabledAtIsExact: z
    .boolean()
    .describe("False: an interrupted run disabled it, and disabledAt is the earliest possible"),
});

const tokenReference = z.strictObject({ jti: z.string(), expiresAt: time });

const check = z.strictObject({
  check: z
    .enum(["fresh", "passive", "retired", "earlier", "forged"])
    .describe("earlier: a token of a key that an earlier rotation retired without a green verification"),
  subject: z.string(),
  canary: z.enum(["seen", "unseen"]).optional(),
  jti: z.string().optional(),
  expected: z.enum(["accepted", "rejected"]),
  verdict,
  ok: z.boolean(),
  at: time,
});

/** What identifies the instance among all targets. */
const identity = {
  target: z.string().optional(),
  uid: z.string().optional().describe("The pod's UID"),
};

const instance = z.strictObject({
  instance: z.string(),
  ...identity,
  url: z.string(),
  proof: z
    .enum(["replayed", "restarted", "nothing-retired", "unproven"])
    .describe(
      "restarted is weaker than replayed: the instance started after the cut-over and its log shows a JWKS bootstrap",
    ),
  verified: z.boolean(),
  provenAt: time.optional(),
  startup: z
    .strictObject({
      bootstrap: z.enum(["seen", "missing"]),
      startedAt: time,
      line: z.string().optional(),
      tail: z.array(z.string()).optional(),
    })
    .optional()
    .describe("Of an instance that started after the cut-over"),
  checks: z.array(check),
  reasons: z.array(z.string()),
});

const refreshResult = z.strictObject({
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
});

const restart = z.strictObject({
  target: z.string().optional(),
  subject: z.string().describe("A workload, as deployment/shop-api, or an instance's name"),
  because: z.array(z.string()),
  outcome: z.enum(["done", "failed"]),
  startedAt: time,
  finishedAt: time,
  bootstrap: z.enum(["seen", "not-checked"]).optional(),
  reason: z.string().optional(),
});

const call = {
  outcome: z.enum(["done", "unsupported", "failed"]),
  reason: z.string().optional(),
};

const called = z.strictObject({ instance: z.string(), ...identity, ...call, at: time });

const freeze = z.strictObject({
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

const sessions = z.strictObject({
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

const internalKeys = z.strictObject({
  keys: z.array(
    z.strictObject({
      kind: z.enum(internalKeyKinds),
      componentName: z.string(),
      kid: z.string(),
      activatedAt: time,
      disabled: z.array(z.strictObject({ kid: z.string(), componentName: z.string(), disabledAt: time })),
    }),
  ),
  failures: z.array(z.string()),
});

const denyListProof = z.strictObject({
  instance: z.string(),
  ...identity,
  accepted: verdict.describe("Answer to the token of a test administrator, before"),
  denied: z.strictObject(call).describe("Adding the session to the deny-list"),
  refused: verdict.describe("Answer to the same token, while its session is on the deny-list"),
  cleaned: z.strictObject(call).describe("Removing the session again"),
  ok: z.boolean(),
  reasons: z.array(z.string()),
});

const verification = z.strictObject({
  verified: z.boolean(),
  startedAt: time,
  finishedAt: time,
  fresh: z.array(z.strictObject({ kid, algorithm: z.string(), jti: z.string() })),
  issuer: z.array(z.strictObject({ kid, jti: z.string(), verdict, ok: z.boolean() })),
  instances: z.array(instance),
  departed: z.array(z.string()).describe("Pods that were verified, but gone before the last check"),
  denyList: z.array(denyListProof).optional().describe("Whether each instance's deny-list works"),
  unseen: z.array(z.string()).describe("Targets that could not be listed, or have no instance"),
  failures: z.array(z.string()),
});

const attempt = z.strictObject({
  startedAt: time,
  finishedAt: time,
  verified: z.boolean(),
  failures: z.array(z.string()),
});

/** evidence.json, version 1. A token appears by its `jti` and kid only. */
export const evidenceSchema = z.strictObject({
  schemaVersion: z.literal(1),
  outcome: z.enum(["verified", "failed"]),
  failedPhase: phase.shape.phase.optional(),
  error: z.string().optional(),
  writtenAt: time,
  incident: z.string(),
  rotation: z.int().min(1),
  mode: z.enum(["planned", "emergency", "rollback"]),
  stage: z
    .enum(["overlap", "final"])
    .describe("overlap: keys that no longer sign are still trusted; final: they are retired"),
  reason: z.string(),
  realm: z.string(),
  stack: z.string(),
  phases: z.array(phase),
  keysBefore: z.array(realmKey),
  keysAfter: z.array(realmKey),
  published: z.array(
    z.strictObject({
      kid,
      algorithm: z.string(),
      name: z.string(),
      componentId: z.string(),
      certificateThumbprint: z.string(),
      publishedAt: time,
    }),
  ),
  signers: z.array(z.strictObject({ kid, algorithm: z.string() })).describe("Keys that sign now"),
  passive: z
    .array(z.strictObject(keyReference))
    .describe("Keys that no longer sign and are trusted until they are retired"),
  retireAfter: time.optional().describe("The first up after this time retires the passive keys"),
  retired: z.array(retiredKey),
  deleted: z
    .array(z.strictObject(keyReference))
    .describe("Keys that earlier rotations had disabled, deleted now"),
  jwksReadBack: z.array(
    z.strictObject({ url: z.string(), reads: z.int(), currentAt: time, kids: z.array(kid) }),
  ),
  canaries: z.array(
    z.strictObject({ kid, algorithm: z.string(), seen: tokenReference, unseen: tokenReference }),
  ),
  baseline: z.array(
    z.strictObject({
      instance: z.string(),
      ...identity,
      verdicts: z.array(z.strictObject({ kid, verdict })),
    }),
  ),
  announced: z
    .strictObject({
      known: z.array(z.string()).describe("Instances that reported the new kids before these signed"),
      unproven: z.array(z.string()).describe("Instances that refreshed without reporting the loaded kids"),
      refresh: z.array(refreshResult),
      restarts: z.array(restart),
    })
    .optional()
    .describe("Of a planned rotation: which instances were refreshed before the new keys signed"),
  freeze: freeze.optional().describe("What was frozen first; the thaw comes after this file is written"),
  sessions: sessions.optional(),
  internalKeys: internalKeys.optional(),
  refresh: z.array(refreshResult),
  restarts: z.array(restart),
  verification: verification.optional(),
  attempts: z.array(attempt).describe("Every verification of this rotation so far, the latest last"),
  exposureWindow: z
    .strictObject({
      from: time,
      to: time,
      ms: z.number().min(0),
      exact: z.boolean().describe("False: the true window is at most this long"),
    })
    .optional()
    .describe(
      "From the first retired key's disabling to the last instance's proof; absent until every instance is proven",
    ),
  notProven: z.array(z.string()).describe("Everything that is not proven, each a sentence"),
  scope: z
    .array(z.string())
    .optional()
    .describe(
      "The sentences of notProven that limit any such proof and are no failure; absent in bundles of older versions",
    ),
});

export type Evidence = z.infer<typeof evidenceSchema>;
export type PhaseRecord = z.infer<typeof phase>;

/** The JSON Schema that is published with the project. */
export function evidenceJsonSchema(): object {
  return {
    title: "jwks-break-glass evidence, version 1",
    ...z.toJSONSchema(evidenceSchema, { target: "draft-2020-12" }),
  };
}
