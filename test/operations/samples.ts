import type { RunContext } from "#operations/base/run-context";
import type {
  EmergencyFindings,
  Enforcement,
  Findings,
  Preparation,
  Proof,
  WholeFindings,
} from "#operations/evidence/findings";
import type { Fleet } from "#operations/fleet/fleet";
import type { Instance } from "#operations/fleet/instances";
import type { ProbeSettings } from "#operations/fleet/probe-settings";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { Target } from "#operations/fleet/targets";
import type { KeycloakConnection } from "#operations/keycloak/connection";
import type { RealmKey } from "#operations/keys/realm-keys";
import type { RunQuestion } from "#operations/keys/run-view";
import type { BaselineVerdict } from "#operations/proof/baseline-verdict";
import type { AskableRow } from "#operations/proof/ledger/rows";
import type { WatchResult } from "#operations/proof/relapse";
import type { VerificationResult } from "#operations/proof/verify";
import type { InstanceVerification } from "#operations/proof/verify-instance";

export const probeSettings: ProbeSettings = {
  path: "/api/me",
  acceptedStatuses: [200],
  rejectedStatuses: [401],
  timeoutMs: 2_000,
  attempts: 1,
  clockSkewSeconds: 0,
};

export const refreshSettings: RefreshSettings = {
  path: "/internal/auth/jwks/refresh",
  attempts: 2,
  timeoutMs: 2_000,
  concurrency: 4,
};

/** A fleet whose instances are listed; nothing of it is restarted. */
export function staticFleet(...instances: Instance[]): Fleet {
  return {
    targets: staticTargets(...instances),
    refresh: refreshSettings,
    restart: { strategy: "refresh", timeoutMs: 2_000, bootstrapPattern: "jwks", command: [], logs: [] },
    probe: probeSettings,
    apiRefreshTokens: ["refresh-token-of-the-tests"],
  };
}

/** Instances of the static list, as targets. */
export function staticTargets(...instances: Instance[]): Target[] {
  return [{ kind: "static", name: "static", instances }];
}

/** What a sound instance said about a key while that was still trusted. */
export function soundBefore(kid: string): BaselineVerdict {
  return {
    kid,
    verdict: { kind: "accepted", status: 200 },
    forged: { verdict: { kind: "rejected", status: 401 } },
  };
}

export function connectionTo(url: string): KeycloakConnection {
  return {
    url,
    adminUrl: url,
    basePath: "",
    realm: "master",
    clientId: "admin",
    clientSecret: "admin-secret-0123456789",
    timeoutMs: 2_000,
    tlsInsecureSkipVerify: false,
  };
}

export function realmKey(kid: string, change: Partial<RealmKey> = {}): RealmKey {
  return {
    kid,
    algorithm: "RS256",
    status: "ACTIVE",
    signing: false,
    priority: 100,
    componentId: `component-${kid}`,
    componentName: `name-${kid}`,
    providerId: "rsa-generated",
    ...change,
  };
}

/** What is asked of a realm in mode planned, by default. */
export const runQuestion: RunQuestion = {
  rotation: 2,
  mode: "planned",
  incident: "",
  algorithms: ["RS256"],
  exemptKeys: [],
  overlapMs: 360_000,
  keepRetired: 1,
  now: "2026-01-01T10:00:00.000Z",
};

/** The files of a bundle that is not signed. */
export const unsignedBundle = [
  "SHA256SUMS",
  "evidence.json",
  "jwks-after.json",
  "jwks-before.json",
  "report.html",
  "report.md",
];

export function runContext(evidenceDir: string): RunContext {
  return {
    rotation: 8,
    mode: "emergency",
    stage: "final",
    incident: "INC-4711",
    reason: "Signing key in a leaked backup",
    realm: "shop",
    realms: ["shop"],
    stack: "prod",
    evidenceDir,
  };
}

/** 2026-01-01 10:00 UTC and so many seconds. */
export function at(seconds: number): string {
  return new Date(Date.UTC(2026, 0, 1, 10, 0, seconds)).toISOString();
}

export function instanceVerification(change: Partial<InstanceVerification> = {}): InstanceVerification {
  const rejected = { kind: "rejected", status: 401 } as const;
  const canary = {
    check: "retired",
    subject: "old",
    expected: "rejected",
    verdict: rejected,
    ok: true,
  } as const;
  return {
    instance: "api-1",
    url: "http://api-1.example",
    proof: "replayed",
    verified: true,
    provenAt: at(30),
    checks: [
      { ...canary, canary: "unseen", jti: "jti-unseen", at: at(29) },
      { ...canary, canary: "seen", jti: "jti-seen", at: at(30) },
      {
        ...{ check: "control", subject: "new", jti: "jti-control", expected: "accepted" },
        ...{ verdict: { kind: "accepted", status: 200 }, ok: true, at: at(30) },
      },
    ],
    reasons: [],
    ...change,
  };
}

export function verification(change: Partial<VerificationResult> = {}): VerificationResult {
  const rejected = { kind: "rejected", status: 401 } as const;
  return {
    verified: true,
    startedAt: at(28),
    finishedAt: at(32),
    controls: [{ kid: "new", algorithm: "RS256", jti: "jti-control", expiresAt: at(36_000) }],
    fresh: [{ kid: "new", algorithm: "RS256", jti: "jti-fresh" }],
    issuer: [
      {
        ...{ kid: "old", jti: "jti-unseen", verdict: rejected, ok: true },
        control: { jti: "jti-control", verdict: { kind: "accepted", status: 200 } },
      },
    ],
    instances: [instanceVerification()],
    departed: [],
    unseen: [],
    failures: [],
    ...change,
  };
}

/** What a test changes of the findings, each by its own name. */
export type FindingsChange = Partial<
  Pick<Findings, "phases" | "cutover" | "watch"> & Preparation & Enforcement & EmergencyFindings & Proof
>;

/** What the phases of a rotation that went well have found. */
export function findings(change: FindingsChange = {}): WholeFindings {
  const [before, after] = [realmKey("old", { signing: true }), realmKey("old", { status: "DISABLED" })];
  const fresh = realmKey("new", { signing: true, priority: 101 });
  const names = ["canary", "publish", "cut-over", "enforce", "verify"] as const;
  const refreshed = { outcome: "claimed", attempts: 1, status: 200, kids: ["new"] } as const;
  const sample = {
    phases: names.map((phase, index) => ({
      phase,
      outcome: "done" as const,
      startedAt: at(index * 5),
      finishedAt: at(index * 5 + 4),
      summary: `${phase} went well`,
    })),
    canary: {
      canaries: [
        {
          kid: "old",
          algorithm: "RS256",
          seen: { jti: "jti-seen", expiresAt: at(36_000) },
          unseen: { jti: "jti-unseen", expiresAt: at(36_000) },
        },
      ],
      keysBefore: [before],
      keysBeforeAt: at(1),
      jwksBefore: { keys: [{ kid: "old", kty: "RSA", use: "sig" }] },
      baseline: [{ instance: "api-1", verdicts: [soundBefore("old")] }],
      notAsked: [],
      baselineSkipped: false,
    },
    published: [
      {
        componentId: "component-new",
        name: "jwks-break-glass-r8-RS256",
        kid: "new",
        algorithm: "RS256",
        certificateThumbprint: "00",
        publishedAt: at(8),
      },
    ],
    cutover: {
      activatedAt: at(11),
      completedAt: at(14),
      signers: [{ kid: "new", algorithm: "RS256" }],
      passive: [],
      deleted: [],
      retired: [
        {
          kid: "old",
          algorithm: "RS256",
          componentName: "name-old",
          disabledAt: at(12),
          disabledAtIsExact: true,
        },
      ],
      keysAfter: [after, fresh],
      jwksAfter: { keys: [{ kid: "new", kty: "RSA", use: "sig" }] },
      jwksReadBack: [{ url: "http://sso.example/certs", reads: 5, currentAt: at(13), kids: ["new"] }],
      newcomers: [],
    },
    refresh: [{ instance: "api-1", startedAt: at(15), finishedAt: at(16), ...refreshed, kids: ["new"] }],
    restarts: [],
    verification: verification(),
    attempts: [{ startedAt: at(28), finishedAt: at(32), verified: true, failures: [] }],
  } satisfies FindingsChange;
  const {
    canary,
    published,
    announced,
    refresh,
    restarts,
    verification: result,
    attempts,
    ...other
  } = {
    ...sample,
    ...change,
  };
  const { phases, cutover, watch: watched, ...emergency } = { watch: undefined, ...other };
  return {
    phases,
    prepared: { canary, published, ...(announced ? { announced } : {}) },
    cutover,
    enforced: { refresh, restarts },
    emergency,
    proof: { verification: result, attempts },
    ...(watched ? { watch: watched } : {}),
  };
}

/** What the watch after a proof has found where no key came back. */
export function cleanWatch(change: Partial<WatchResult> = {}): WatchResult {
  return {
    ...{ startedAt: at(33), finishedAt: at(63), seconds: 30, rounds: 6, instances: 2 },
    urls: ["https://sso.example/certs"],
    ...{ relapses: [], jwks: [], unanswered: [], cutShort: false },
    ...change,
  };
}

/** The same, where one process of several and one JWKS URL brought it back. */
export function relapsedWatch(change: Partial<WatchResult> = {}): WatchResult {
  const processes = { w1: "rejected", w3: "accepted" } as const;
  const spread = { accepted: 1, rejected: 3, inconclusive: 0, processes, announced: 2 };
  return cleanWatch({
    ...{ finishedAt: at(48), rounds: 3 },
    relapses: [{ kid: "old", instance: "api-2", process: "w3", spread, at: at(47) }],
    jwks: [{ url: "https://cdn.example/jwks", kids: ["old"], reads: 5, shownIn: 2, at: at(48) }],
    ...change,
  });
}

/** A dead key that every instance has to be shown to refuse. */
export function ledgerRow(change: Partial<AskableRow> = {}): AskableRow {
  return {
    ...{ kid: "old", algorithm: "RS256", componentName: "name-old", how: "rotation" },
    ...{ disabledAt: at(0), disabledAtIsExact: true, deadSince: at(0) },
    ...{ standing: "open", isTrustedAgain: false, keepsCells: true },
    ...change,
  };
}
