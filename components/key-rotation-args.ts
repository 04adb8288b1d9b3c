import type * as pulumi from "@pulumi/pulumi";
import type { RealmSettings } from "#operations/config/realm-settings";
import type { FleetSettings } from "#operations/fleet/fleet";

export interface KeyRotationArgs extends Omit<RealmSettings, "problems" | "fleet"> {
  /** Names that this component had in the stack before, under which the state knows its resources. Default: none. */
  formerNames?: string[];
  /** What keeps the realm from being rotated, where the stack has several realms. Default: nothing. */
  problems?: string[];
  /** Where every running API process is found, and how it is reached, questioned and restarted. */
  fleet: FleetSettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
}
