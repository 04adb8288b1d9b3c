import { type DenyList, denyOn } from "./deny-list.ts";
import { freezeOn } from "./freeze-instances.ts";
import { instanceId, type OpenInstance } from "./instances.ts";
import type { RefreshSettings } from "./refresh.ts";

/** What an instance must still be told if it was started or restarted after the others had been told. */
export interface StandingOrders {
  /** Absent if nothing is frozen. `on`: the ids of the instances that know. `since`: ISO 8601 UTC. */
  freeze?: { path: string; on: string[]; since: string };
  /** Absent if no session is denied. */
  deny?: DenyList & { on: string[] };
}

/**
 * Freezes an instance and puts the sessions on its deny-list, if that was not done before.
 *
 * @returns why it does not accept the deny-list, each a phrase that starts with a verb
 */
export async function applyOrders(
  instance: OpenInstance,
  { freeze, deny }: StandingOrders,
  refresh: RefreshSettings,
  apiRefreshTokens: readonly string[],
): Promise<string[]> {
  const id = instanceId(instance);
  const access = { refresh, apiRefreshTokens };
  if (freeze && !freeze.on.includes(id)) await freezeOn(instance, access, freeze.path, "freeze");
  if (!deny || deny.on.includes(id)) return [];
  const { outcome, reason } = await denyOn(instance, access, deny, "deny");
  return outcome === "done" ? [] : [`does not take sessions for its deny-list: ${reason}`];
}
