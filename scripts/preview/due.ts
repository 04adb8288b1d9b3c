import type { RunContext } from "#operations/base/run-context";
import type { Freeze } from "#operations/fleet/freeze-instances";
import type { Revoke } from "#operations/keycloak/revoke-sessions";
import type { InternalKeyKind } from "#operations/keys/internal-keys";
import { isFreezeDue } from "#operations/phases/freeze";
import { areInternalKeysDue } from "#operations/phases/internal-keys";
import { nextSessionsStep } from "#operations/phases/revoke";
import { resourcesOf, type StackContents } from "../stack-reader.ts";

/** What an emergency would do beside the keys, by what the last `up` has done of it already. */
export interface Due {
  freeze: boolean;
  sessions: boolean;
  internalKeys: boolean;
}

export interface EmergencyConfig {
  run: Pick<RunContext, "realm" | "rotation" | "mode"> & { stage: string };
  freeze: Freeze;
  revoke: Revoke;
  kinds: InternalKeyKind[];
}

/** Decides as the resources' own diffs do. */
export function dueBeside(contents: StackContents, { run, freeze, revoke, kinds }: EmergencyConfig): Due {
  const before = (kind: string) => outputsOf(contents, kind, run.realm);
  return {
    freeze: isFreezeDue({ run, freeze }, before("AdminFreeze")),
    sessions: nextSessionsStep({ run, revoke }, before("SessionRevocation")) === "revoke",
    internalKeys: areInternalKeysDue({ run, kinds }, before("InternalKeys")),
  };
}

/** What this program has written into the state itself has the shape that its own types say. */
function outputsOf(contents: StackContents, kind: string, realm: string): Record<string, unknown> {
  const found = resourcesOf(contents, kind).find(({ outputs }) => {
    const run = outputs.run as { realm?: unknown } | undefined;
    return run?.realm === realm;
  });
  return { ...found?.outputs };
}
