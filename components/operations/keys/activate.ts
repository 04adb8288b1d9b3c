import { notActive } from "./cut-over-errors.ts";
import type { Cutover } from "./cutover-request.ts";
import { type KeyMarks, markOf } from "./key-marks.ts";
import { newOverlapEnd } from "./overlap.ts";
import { managedKeyName, type RealmKey, rotationOf } from "./realm-keys.ts";

/**
 * Makes the keys that are to sign the signers. The end of the overlap is written in the same request: whatever is killed
 * afterwards, no later run retires the other keys too early. A key from before the first rotation that signs again is
 * managed from then on.
 */
export async function activate(cutover: Cutover): Promise<void> {
  const { request, keys, progress, plan } = cutover;
  const { mode, overlapMs, incident } = request;
  const { signers, activate: due, disable } = await plan();
  for (const { key, priority } of due) {
    const isAdopted = rotationOf(key.componentName) === undefined;
    await keys.change(key, {
      active: true,
      priority,
      ...(isAdopted ? { name: managedKeyName(0, key.algorithm) } : {}),
      marks: {
        ...(mode === "emergency" ? incidentMark(incident) : { retireAfter: newOverlapEnd(overlapMs) }),
        borrowed: null,
      },
    });
    progress(`${key.kid} (${key.algorithm}) is active at priority ${priority}`);
  }
  const others = signers.filter((key) => !due.some((one) => one.key === key));
  if (mode === "emergency" && disable.length > 0) await markIncident(cutover, others, incident);
}

function incidentMark(incident: string): KeyMarks {
  const mark = markOf(incident);
  return mark === undefined ? {} : { incident: mark };
}

/**
 * Writes on a key that signs already that others are disabled for this incident, before the first of them is: an emergency
 * that has retired nothing is refused, and one that was killed half-way is not.
 */
async function markIncident(
  { keys }: Cutover,
  signers: readonly RealmKey[],
  incident: string,
): Promise<void> {
  const mark = incidentMark(incident);
  for (const key of signers) if (key.incident !== mark.incident) await keys.change(key, { marks: mark });
}

/** How often an emergency makes its keys the signers again where somebody else takes that away. */
const maxActivations = 5;

/**
 * The last look before a key is disabled: each key that is to sign does, and for good, or one of a later rotation does in
 * its place. An emergency sets right what has come between; other modes stop.
 *
 * @returns when the keys that are to sign were seen to sign, ISO 8601 UTC
 * @throws {RotationError} KEY_NOT_ACTIVE
 */
export async function seeSigners(cutover: Cutover): Promise<string> {
  for (let round = 0; ; round += 1) {
    const [rivalled] = (await cutover.plan()).activate;
    if (!rivalled) return new Date().toISOString();
    if (cutover.request.mode !== "emergency" || round === maxActivations) throw notActive(rivalled.key);
    await activate(cutover);
  }
}
