import type { Freeze } from "#operations/fleet/freeze-instances";
import type { Revoke } from "#operations/keycloak/revoke-sessions";
import type { InternalKeyKind } from "#operations/keys/internal-keys";
import { isFreezeDue } from "#operations/phases/freeze";
import { areInternalKeysDue } from "#operations/phases/internal-keys";
import type { Step } from "#operations/phases/phase-request";
import { nextSessionsStep } from "#operations/phases/revoke";
import { resourcesOf, type StackContents } from "../stack-reader.ts";

/** Which other actions of an emergency are still due after the last `up`. */
export interface Due {
  freeze: boolean;
  sessions: boolean;
  internalKeys: boolean;
}

export interface EmergencyConfig extends Step {
  freeze: Freeze;
  revoke: Revoke;
  internalKeys: InternalKeyKind[];
}

/** Decides like the diffs of the resources. */
export function dueEmergencyActions(contents: StackContents, config: EmergencyConfig): Due {
  const before = (kind: string) => outputsOf(contents, kind, config.realm);
  return {
    freeze: isFreezeDue(config, before("AdminFreeze")),
    sessions: nextSessionsStep(config, before("SessionRevocation")) === "revoke",
    internalKeys: areInternalKeysDue(config, before("InternalKeys")),
  };
}

/** What this program has written into the state itself has the shape that its own types say. */
function outputsOf(contents: StackContents, kind: string, realm: string): Record<string, unknown> {
  const found = resourcesOf(contents, kind).find(({ outputs }) => outputs.realm === realm);
  return { ...found?.outputs };
}
