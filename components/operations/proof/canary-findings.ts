import type { Mode, Stage } from "../base/run-context.ts";
import type { SideBySide } from "../base/side-by-side.ts";
import type { CanaryReference } from "../canaries/canary.ts";
import type { ProbeClient } from "../canaries/tokens.ts";
import type { Identity } from "../fleet/instances.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import type { RefreshSettings } from "../fleet/refresh.ts";
import type { Target } from "../fleet/targets.ts";
import type { PublishedJwks } from "../keycloak/jwks.ts";
import type { RealmKey } from "../keys/realm-keys.ts";
import type { Verdict } from "./probe.ts";

export interface CanaryRequest {
  /** Named in lines of progress, where it has several realms. */
  run?: SideBySide;
  rotation: number;
  mode: Mode;
  /** Default: `final`. */
  stage?: Stage;
  exemptKeys: string[];
  targets: Target[];
  probe: ProbeSettings;
  refresh: RefreshSettings;
  /** Secret. Those that instances may have. */
  apiRefreshTokens: string[];
  /** One client for each algorithm. */
  probeClients: ProbeClient[];
  /** Canaries of an earlier run: those that still live are shown again. Default: none. */
  kept?: (CanaryResult & { rotation: number }) | undefined;
}

/** What was found before anything was changed. Holds no secret. */
export interface CanaryFindings {
  canaries: CanaryReference[];
  keysBefore: RealmKey[];
  /** ISO 8601 UTC. */
  keysBeforeAt: string;
  jwksBefore: PublishedJwks;
  baseline: Baseline[];
  /** Targets that could not be looked at, and pods that were not ready: a sentence each. */
  notAsked: string[];
  /** True where no instance answered at all: nothing can be proven by replay, and the run goes on to kill the key. */
  baselineSkipped: boolean;
  /** Of keys that were about to be retired by a run before this one, and are not trusted any more. Default: none. */
  carried?: CarriedCanaries[];
  /** When a key that does not sign was last made the signer to mint its canary, ISO 8601 UTC. */
  borrowedAt?: string;
}

export interface CanaryResult {
  /** Secret: the tokens of the canaries by their `jti`. */
  tokens: Record<string, string>;
  findings: CanaryFindings;
}

/** Canaries of keys that a run has disabled which was killed then, and what instances had said of them before. */
export interface CarriedCanaries {
  /** The rotation that they were minted for. */
  rotation: number;
  canaries: CanaryReference[];
  baseline: Baseline[];
}

/** What one instance said of each canary before the cut-over. */
export interface Baseline extends Identity {
  instance: string;
  verdicts: { kid: string; verdict: Verdict }[];
}
