import { awaitState } from "../keycloak/await-state.ts";
import { notActive } from "./cut-over-errors.ts";
import type { Cutover } from "./cutover-request.ts";
import { newOverlapEnd } from "./overlap.ts";
import { managedKeyName, type RealmKey, rotationOf } from "./realm-keys.ts";

/**
 * Makes the keys that are to sign the signers. The end of the overlap is written in the same request: whatever is killed
 * afterwards, no later run retires the other keys too early. A key from before the first rotation that signs again is
 * managed from then on.
 */
export async function activate({ request, keys, progress, plan }: Cutover): Promise<void> {
  const { mode, overlapMs } = request;
  for (const { key, priority } of (await plan()).activate) {
    const isAdopted = rotationOf(key.componentName) === undefined;
    await keys.change(key, {
      active: true,
      priority,
      ...(isAdopted ? { name: managedKeyName(0, key.algorithm) } : {}),
      ...(mode === "emergency" ? {} : { retireAfter: newOverlapEnd(overlapMs) }),
    });
    progress(`${key.kid} (${key.algorithm}) is active at priority ${priority}`);
  }
}

/** How long a Keycloak node may show a key as it was before its activation, in milliseconds. */
const nodesMs = 5_000;

/**
 * The last check before a key is disabled. A node that has not heard of the activation yet gets some seconds.
 *
 * @returns when the keys that are to sign were seen to sign, ISO 8601 UTC
 * @throws {RotationError} KEY_NOT_ACTIVE where another key is above one that is active; NODES_DISAGREE where one is not
 */
export async function seeSigners({ keys, plan }: Cutover): Promise<string> {
  const look = async (): Promise<{ silent: RealmKey[] }> => {
    const { signers } = await plan();
    const silent = signers.filter(({ signing }) => !signing);
    if (!silent.every(isActive)) keys.readAgain();
    return { silent };
  };
  const { silent } = await awaitState(look, (found) => found.silent.every(isActive), {
    what: "the new keys are active",
    describe: (found) => found.silent.map(({ kid, status }) => `${kid} is ${status}`).join(", "),
    timeoutMs: nodesMs,
  });
  for (const key of silent) throw notActive(key);
  return new Date().toISOString();
}

function isActive({ status }: RealmKey): boolean {
  return status === "ACTIVE";
}
