import { at, type FindingsChange, instanceVerification, relapsedWatch, verification } from "../../samples.ts";

const restart = {
  target: "eu-west",
  subject: "deployment/shop-api",
  because: ["refresh failed"],
  outcome: "done",
  startedAt: at(16),
  finishedAt: at(20),
} as const;

/** What a run can have done beyond the usual. */
export const everything: FindingsChange = {
  announced: {
    results: [{ instance: "api-1", outcome: "claimed", attempts: 1, startedAt: at(9), finishedAt: at(10) }],
    restarts: [],
    known: [],
    unproven: ["api-1"],
  },
  freeze: {
    clients: [{ clientId: "admin-console", outcome: "frozen", at: at(0) }],
    instances: [{ instance: "api-1", outcome: "failed", reason: "HTTP 500", at: at(0) }],
    failures: ["api-1 could not be frozen"],
  },
  sessions: {
    ended: [{ sid: "sid-1", user: "eve", because: "user" }],
    truncated: true,
    denied: [{ instance: "api-1", outcome: "done", at: at(14) }],
    failures: [],
  },
  internalKeys: {
    keys: [
      {
        kind: "hmac",
        componentName: "hmac-new",
        kid: "hmac-1",
        activatedAt: at(14),
        disabled: [{ kid: "hmac-0", componentName: "hmac-old", disabledAt: at(14) }],
      },
    ],
    failures: [],
  },
  watch: relapsedWatch({ unanswered: [{ from: "api-3", count: 2, reason: "HTTP 500" }] }),
  restarts: [{ ...restart, because: [...restart.because] }],
  verification: verification({
    instances: [
      instanceVerification({
        startup: { bootstrap: "seen", startedAt: at(18), line: "JWKS bootstrap: 2 keys" },
      }),
    ],
    denyList: [
      {
        instance: "api-1",
        accepted: { kind: "accepted", status: 200 },
        denied: { outcome: "done" },
        refused: { kind: "rejected", status: 403 },
        cleaned: { outcome: "done" },
        ok: true,
        reasons: [],
      },
    ],
  }),
};
