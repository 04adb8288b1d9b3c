import type { CanaryReference } from "../canaries/canary.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import type { RefreshSettings } from "../fleet/refresh.ts";
import type { Target } from "../fleet/targets.ts";
import type { PassiveKey, RetiredKey } from "../keys/retired-key.ts";

/** A realm after the last `up`, as the stack's state has it. Holds secrets: it stays in memory. */
export interface KnownRealm {
  realm: string;
  rotation: number;
  /** Mode of the last `up`. */
  mode: string;
  /** Whether the last cut-over was verified. */
  verified: boolean;
  /** When the keys that sign were activated, ISO 8601 UTC. */
  activatedAt: string;
  signers: { kid: string; algorithm: string }[];
  passive: PassiveKey[];
  /** Every dead key that the state knows, whether its death is closed or not. */
  retired: RetiredKey[];
  /** Kids of those whose deaths the state knows to be closed. */
  closed: string[];
  /** Kids of those that the config has closed by name: no proof asks an instance about them. */
  acknowledged: string[];
  exemptKeys: string[];
  /** Empty: the issuer's own. */
  jwksUris: string[];
  targets: Target[];
  probe: ProbeSettings;
  refresh: RefreshSettings;
  /** Of the probe clients. */
  algorithms: readonly string[];
  canaries: CanaryReference[];
  /** Secret. */
  canaryTokens: Record<string, string>;
  /** When instances were frozen and not thawed since, ISO 8601 UTC. */
  frozenAt?: string;
}
