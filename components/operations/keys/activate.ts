import { notActive } from "./cut-over-errors.ts";
import type { Cutover } from "./cutover-request.ts";
import { newOverlapEnd } from "./overlap.ts";
import { managedKeyName, rotationOf } from "./realm-keys.ts";

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

/**
 * The last check before a key is disabled.
 *
 * @returns when the keys that are to sign were seen to sign, ISO 8601 UTC
 * @throws {RotationError} KEY_NOT_ACTIVE
 */
export async function seeSigners({ plan }: Cutover): Promise<string> {
  const { signers } = await plan();
  for (const key of signers) if (!key.signing) throw notActive(key);
  return new Date().toISOString();
}
