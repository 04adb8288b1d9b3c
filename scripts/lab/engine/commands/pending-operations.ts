import type { PendingOperation } from "../state/resource-state.ts";

/** What an up says about operations that an interrupted run left behind. */
export function pendingOperationsWarning(operations: readonly PendingOperation[]): string {
  const list = operations.map(({ resource, type }) => `  * ${resource.urn}, interrupted while ${type}`);
  return [
    `Attempting to deploy or update resources with ${operations.length} pending operations from previous deployment.`,
    ...list,
    "These resources are in an unknown state because the engine was interrupted while waiting for changes to them",
    "to complete. Check with the provider whether the operations listed completed. `pulumi refresh` clears pending",
    "operations; interrupted creations only with --clear-pending-creates, or when it runs interactively.",
  ].join("\n");
}
