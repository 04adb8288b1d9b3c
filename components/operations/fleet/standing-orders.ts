import { type DenyList, denyOn } from "./deny-list.ts";
import { freezeOn } from "./freeze-instances.ts";
import { instanceId, type OpenInstance } from "./instances.ts";
import type { RefreshSettings } from "./refresh.ts";

/** What an instance has to know that came, or was restarted, after the others had been told. */
export interface StandingOrders {
  /** Absent where nothing is frozen. `since`: ISO 8601 UTC. */
  freeze?: { path: string; on: string[]; since: string };
  /** Absent where no session is denied. */
  deny?: DenyList & { on: string[] };
}

/**
 * Freezes an instance and feeds its deny-list, where that was not done before.
 * @returns why it does not take the deny-list, each a phrase that starts with a verb
 */
export async function applyOrders(
  instance: OpenInstance,
  { freeze, deny }: StandingOrders,
  settings: RefreshSettings,
  apiRefreshTokens: readonly string[],
): Promise<string[]> {
  const id = instanceId(instance);
  if (freeze && !freeze.on.includes(id)) {
    await freezeOn(instance, { ...settings, path: freeze.path }, apiRefreshTokens, "freeze");
  }
  if (!deny || deny.on.includes(id)) return [];
  const { outcome, reason } = await denyOn(instance, settings, apiRefreshTokens, deny, "deny");
  return outcome === "done" ? [] : [`does not take sessions for its deny-list: ${reason}`];
}
