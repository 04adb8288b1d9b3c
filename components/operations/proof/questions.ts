import type { Canary, MintedToken } from "../canaries/canary.ts";
import type { ForgedToken } from "../canaries/forged-tokens.ts";
import type { RefreshExpectation } from "../fleet/refresh.ts";
import type { AskableFleet } from "./canary-findings.ts";

/** Everything that is needed to question an instance; the same for all of them. */
export interface Questions {
  fleet: Omit<AskableFleet, "targets">;
  expectation: RefreshExpectation;
  /** Canary tokens of the retired keys. */
  canaries: Canary[];
  /** Their control tokens. */
  controls: MintedToken[];
  /** Canary tokens of keys that earlier rotations retired without a proof. */
  earlier: Canary[];
  /** Canary tokens of keys that are still trusted. */
  passive: Canary[];
  /** Retired kids that have no canary token. */
  withoutCanary: string[];
  /** Kids of dead keys that the config closes by name: whatever else is proven, these are not. */
  acknowledged: string[];
  fresh: MintedToken[];
  forged: ForgedToken[];
  expired: ShortLivedToken;
}

/** A token that is shown to an instance once it has expired; as a rule it has when it is minted. */
export interface ShortLivedToken extends MintedToken {
  /** When it expires, in milliseconds of our own clock, whatever Keycloak's says. */
  expiresHere: number;
}
