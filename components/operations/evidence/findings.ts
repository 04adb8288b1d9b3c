import type { ControlReference } from "../canaries/controls.ts";
import type { AnnounceResult } from "../enforce/announce.ts";
import type { DeniedInstance } from "../fleet/deny-list.ts";
import type { FrozenInstance } from "../fleet/freeze-instances.ts";
import type { RefreshResult } from "../fleet/refresh.ts";
import type { RestartResult } from "../fleet/restart.ts";
import type { FrozenClient } from "../keycloak/freeze-keycloak.ts";
import type { EndedSession } from "../keycloak/revoke-sessions.ts";
import type { CutoverResult } from "../keys/cut-over.ts";
import type { InternalKeyResult } from "../keys/internal-keys.ts";
import type { PublishedKey } from "../keys/publish-key.ts";
import type { IssuerPair } from "../proof/ask-issuer.ts";
import type { Baseline, CanaryFindings } from "../proof/canary-findings.ts";
import type { WatchResult } from "../proof/relapse.ts";
import type { VerificationResult } from "../proof/verify.ts";
import type { Evidence, PhaseRecord } from "./evidence-schema.ts";

export interface FreezeResult {
  clients: FrozenClient[];
  instances: FrozenInstance[];
  /** What could not be frozen, each a sentence without its full stop. */
  failures: string[];
}

export interface SessionsResult {
  ended: EndedSession[];
  /** Whether more sessions were ended than are on the deny-list. */
  truncated: boolean;
  denied: DeniedInstance[];
  /** What could not be done, each a sentence without its full stop. */
  failures: string[];
}

export interface InternalKeysResult {
  keys: InternalKeyResult[];
  /** Why not all could be rotated, each a sentence without its full stop. */
  failures: string[];
}

export type VerificationAttempt = Evidence["attempts"][number];

/** What the cut-over has found. */
export interface CutoverFindings extends CutoverResult {
  /** The twins of the canary tokens, signed with the new keys. Default: none, of an older version. */
  controls?: ControlReference[];
  /** What Keycloak itself said of the retired keys and the new ones, before a session was ended. Default: not asked. */
  issuer?: IssuerPair[];
  /** Verdicts of instances that appeared after the canary tokens had been shown, and before a key was disabled. */
  newcomers: Baseline[];
}

/** What was prepared before the cut-over. */
export interface Preparation {
  canary: CanaryFindings;
  published: PublishedKey[];
  /** In a planned rotation: which instances knew the new keys before these signed. */
  announced?: AnnounceResult;
}

/** What the enforce phase did to the instances. */
export interface Enforcement {
  refresh: RefreshResult[];
  restarts: RestartResult[];
}

/** What an emergency did in addition to rotating the signing keys, each only where it is configured. */
export interface EmergencyFindings {
  freeze?: FreezeResult;
  sessions?: SessionsResult;
  internalKeys?: InternalKeysResult;
}

/** What the verify phase has found: the last verification, and every attempt of this rotation. */
export interface Proof {
  verification: VerificationResult;
  attempts: VerificationAttempt[];
}

/** What the phases have found so far; a run that failed early has little of it. Contains no secret. */
export interface Findings {
  phases: PhaseRecord[];
  prepared?: Preparation;
  cutover?: CutoverFindings;
  enforced?: Enforcement;
  emergency?: EmergencyFindings;
  proof?: Proof;
  /** Of an emergency that was proven and watched after it. */
  watch?: WatchResult;
}

/** What a complete run has found. */
export type WholeFindings = Required<Omit<Findings, "watch">> & Pick<Findings, "watch">;
