import type { Canary, MintedToken } from "../canaries/canary.ts";
import type { ForgedToken } from "../canaries/forged-tokens.ts";
import type { RefreshExpectation } from "../fleet/refresh.ts";
import type { AskableFleet } from "./canary-findings.ts";
import type { AskableRow } from "./ledger/rows.ts";

/** Everything that is needed to question an instance; the same for all of them. */
export interface Questions {
  fleet: Omit<AskableFleet, "targets">;
  expectation: RefreshExpectation;
  /** Every dead key, with the tokens that instances can be asked with. */
  rows: AskableRow[];
  /** The control tokens of their canary tokens. */
  controls: MintedToken[];
  /** Canary tokens of keys that are still trusted. */
  passive: Canary[];
  fresh: MintedToken[];
  forged: ForgedToken[];
  expired: ShortLivedToken;
}

/** A token that is shown to an instance once it has expired; as a rule it has when it is minted. */
export interface ShortLivedToken extends MintedToken {
  /** When it expires, in milliseconds of our own clock, whatever Keycloak's says. */
  expiresHere: number;
}
