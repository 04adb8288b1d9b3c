import type { SideBySide } from "../base/side-by-side.ts";
import type { CanaryReference } from "../canaries/canary.ts";
import type { ProbeClient } from "../canaries/tokens.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Identity } from "../fleet/instances.ts";
import type { PublishedJwks } from "../keycloak/jwks.ts";
import { isTrusted, type RealmKey } from "../keys/realm-keys.ts";
import type { PassiveKey } from "../keys/retired-key.ts";
import type { RetirementGoal } from "../keys/retiring-keys.ts";
import type { BaselineVerdict } from "./baseline-verdict.ts";

/** As much of a fleet as is needed to ask every instance: before the cut-over nothing is restarted. */
export type AskableFleet = Omit<Fleet, "restart">;

export interface CanaryRequest extends RetirementGoal {
  /** Named in progress lines where the stack has several realms. */
  run?: SideBySide;
  fleet: AskableFleet;
  /** One client for each algorithm. */
  probeClients: ProbeClient[];
  /** In an emergency, when the keys are disabled whatever was not found out by then, by `Date.now()`. */
  deadlineAt?: number | undefined;
  /** Canary tokens of an earlier run: those that are still valid are shown again. Default: none. */
  kept?: CanaryResult | undefined;
}

/** What was found before anything was changed. Holds no secret. */
export interface CanaryFindings {
  /**
   * Of the keys that are about to retire, and of those that earlier runs have disabled: their canary tokens are kept for as
   * long as they live.
   */
  canaries: CanaryReference[];
  keysBefore: RealmKey[];
  /** ISO 8601 UTC. */
  keysBeforeAt: string;
  jwksBefore: PublishedJwks;
  /** What each instance said of them while their keys were trusted. */
  baseline: Baseline[];
  /** Targets that could not be listed, and pods that were not ready: a sentence each. */
  notAsked: string[];
  /** Keys that no canary tokens could be minted with, and why: a sentence each. Default: none. */
  unminted?: string[];
  /** In an emergency, when what has not answered counts as unproven, ISO 8601 UTC. */
  deadlineAt?: string;
  /** True where no instance answered at all: replay can prove nothing, and the run goes on to disable the key. */
  baselineSkipped: boolean;
  /** Keys that an earlier run found trusted, and that the realm has no more. Default: none. */
  lost?: PassiveKey[];
  /** When a key that does not sign was last made the signer to mint its canary tokens, ISO 8601 UTC. */
  borrowedAt?: string;
}

export interface CanaryResult {
  /** Secret: the canary tokens by their `jti`. */
  tokens: Record<string, string>;
  findings: CanaryFindings;
}

/** One instance's verdict on each canary token before the cut-over. */
export interface Baseline extends Identity {
  instance: string;
  verdicts: BaselineVerdict[];
}

/** The canary tokens of the keys that this run found trusted, and is to retire. Pure. */
export function retiringCanaries({
  canaries,
  keysBefore,
}: Pick<CanaryFindings, "canaries" | "keysBefore">): CanaryReference[] {
  return canaries.filter(({ kid }) => keysBefore.some((key) => key.kid === kid && isTrusted(key)));
}
