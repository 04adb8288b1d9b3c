import { z } from "zod";
import { call, identity, kid, spread, time, verdict } from "./common.ts";
import { ledgerEntry } from "./keys.ts";

/** What an instance answered before the cut-over. */
export const baseline = z.strictObject({
  instance: z.string(),
  ...identity,
  verdicts: z.array(
    z.strictObject({
      kid,
      verdict,
      spread,
      forged: z
        .strictObject({ verdict, spread })
        .optional()
        .describe("Answer to a token with the same kid and a wrong signature: whether the probe can say no"),
    }),
  ),
});

const check = z.strictObject({
  check: z
    .enum(["fresh", "passive", "retired", "earlier", "control", "forged"])
    .describe(
      "retired: a token of a dead key; earlier: of one that an earlier rotation has shown to be refused; control: the twin of the retired keys' tokens, signed with a new key",
    ),
  subject: z.string(),
  canary: z.enum(["seen", "unseen"]).optional(),
  jti: z.string().optional(),
  expected: z.enum(["accepted", "rejected"]),
  verdict: verdict.describe("Of several processes, the worst"),
  spread,
  ok: z.boolean(),
  at: time,
});

const instance = z.strictObject({
  instance: z.string(),
  ...identity,
  url: z.string(),
  proof: z
    .enum(["replayed", "restarted", "acknowledged", "nothing-retired", "unproven"])
    .describe(
      "acknowledged: a dead key was closed by name, and nothing was shown of it; restarted is weaker than replayed: the instance started after the cut-over and its log shows a JWKS bootstrap",
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
  processes: z.array(z.string()).optional().describe("Names of its processes that have answered"),
  checks: z.array(check),
  proofs: z
    .array(
      z.strictObject({
        kid,
        proof: z
          .enum(["replayed", "restarted", "acknowledged", "closed", "unproven"])
          .describe("closed: an earlier rotation has closed the key, and this instance owes no proof"),
        provenAt: time.optional().describe("When it was first seen to refuse the key"),
        kept: z
          .literal(true)
          .optional()
          .describe("Shown by an earlier verification: the canary tokens have expired since"),
        why: z.string().optional(),
      }),
    )
    .optional()
    .describe("What is shown about each dead key"),
  reasons: z.array(z.string()),
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

export const verification = z.strictObject({
  verified: z.boolean(),
  startedAt: time,
  finishedAt: time,
  acknowledged: z
    .array(z.strictObject({ kid, reason: z.string(), by: z.string(), commit: z.string().optional() }))
    .optional()
    .describe(
      "Dead keys that the config has closed by name: nobody has shown that the instances reject them",
    ),
  controls: z
    .array(z.strictObject({ kid, algorithm: z.string(), jti: z.string(), expiresAt: time }))
    .optional()
    .describe(
      "Twins of the canary tokens, signed with the new keys: a rejection of those counts only beside their acceptance",
    ),
  fresh: z.array(z.strictObject({ kid, algorithm: z.string(), jti: z.string() })),
  issuer: z.array(
    z.strictObject({
      kid,
      jti: z.string(),
      verdict,
      control: z
        .strictObject({ jti: z.string(), verdict })
        .optional()
        .describe("Answer to the control token, right after the cut-over and before a session was ended"),
      ok: z.boolean(),
    }),
  ),
  instances: z.array(instance),
  departed: z.array(z.string()).describe("Pods that were verified, but gone before the last check"),
  denyList: z.array(denyListProof).optional().describe("Whether each instance's deny-list works"),
  unseen: z.array(z.string()).describe("Targets that could not be listed, or have no instance"),
  failures: z.array(z.string()),
  ledger: z
    .array(ledgerEntry)
    .optional()
    .describe("Every dead key that is known, and whether its death is closed"),
});

export const attempt = z.strictObject({
  startedAt: time,
  finishedAt: time,
  verified: z.boolean(),
  failures: z.array(z.string()),
});
