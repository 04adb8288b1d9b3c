import type { SideBySide } from "../base/side-by-side.ts";
import type { ProbeClients } from "../canaries/probe-clients.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { RestartResult } from "../fleet/restart.ts";
import type { StandingOrders } from "../fleet/standing-orders.ts";
import type { PassiveKey } from "../keys/retired-key.ts";
import type { Acknowledgement } from "./acknowledgement.ts";
import type { IssuerPair } from "./ask-issuer.ts";
import type { LedgerRow } from "./ledger/rows.ts";
import type { LedgerState } from "./ledger/state.ts";
import type { DenyListQuestion } from "./prove-deny-list.ts";
import type { RetiredKeys } from "./retired-keys.ts";

export interface VerificationRequest {
  /** Named in progress lines where the stack has several realms. */
  run?: SideBySide;
  rotation: number;
  fleet: Fleet;
  /** Makes the probe clients, or repairs them. Where it can't, the verification is red. */
  probeClients: () => Promise<ProbeClients>;
  /** Kids of this rotation's keys. */
  newKids: string[];
  /** Keys that no longer sign and are still trusted. */
  passive: PassiveKey[];
  /** Every dead key that is known. */
  rows: readonly LedgerRow[];
  /** What earlier verifications have shown, by kid. Default: nothing is known of them. */
  cells?: LedgerState["cells"] | undefined;
  /** What can prove that instances refuse them. */
  retired: RetiredKeys;
  /** What Keycloak itself said of the retired keys and the new ones, before a session was ended. */
  issuer: readonly IssuerPair[];
  /** What the config says of the dead keys that it closes by name: they are not asked about. */
  acknowledged: readonly Acknowledgement[];
  /** What was restarted for this rotation. */
  restarts: RestartResult[];
  /** JWKS URLs that don't show the new set, a sentence each: the instances don't wait for it. Default: none. */
  jwksProblems?: () => Promise<string[]>;
  emergency: EmergencyActions;
}

/** What an emergency did in addition to rotating the signing keys. */
export interface EmergencyActions {
  /** What failed, a sentence each. */
  failures: string[];
  /** What instances that appeared since must be told. */
  orders: StandingOrders;
  /** How to ask about an administrator, where the deny-list is to be proven. */
  denyList?: Pick<DenyListQuestion, "denyListPath" | "probe" | "identity">;
}
