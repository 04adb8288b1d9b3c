import { RotationError } from "../base/errors.ts";
import { awaitState } from "../keycloak/await-state.ts";
import { notActive } from "./cut-over-errors.ts";
import type { Cutover } from "./cutover-request.ts";
import { isMarkedFor, type KeyMarks, markOf } from "./key-marks.ts";
import { newOverlapEnd } from "./overlap.ts";
import type { CutoverPlan } from "./plan-cutover.ts";
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
        ...(mode === "emergency" ? endedFor(key, incident) : { retireAfter: newOverlapEnd(overlapMs) }),
        borrowed: null,
      },
    });
    progress(`${key.kid} (${key.algorithm}) is active at priority ${priority}`);
  }
  const others = signers.filter((key) => !due.some((one) => one.key === key));
  if (mode === "emergency" && disable.length > 0) await markIncident(cutover, others, incident);
}

/** A key that was there before the incident is not marked as made for it: it may be the stolen one. */
function endedFor(key: RealmKey, incident: string): KeyMarks {
  const mark = markOf(incident);
  return mark === undefined || isMarkedFor(key, mark) ? {} : { endedFor: mark };
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
  for (const key of signers) {
    const marks = endedFor(key, incident);
    if (marks.endedFor !== undefined) await keys.change(key, { marks });
  }
}

/** How often an emergency makes its keys the signers again where somebody else takes that away. */
const maxActivations = 5;

/** How long a Keycloak node may show a key as it was before its activation, in milliseconds. */
const nodesMs = 5_000;
/** In an emergency it is made active again after that, which does no harm where a node is only behind. */
const nodesInEmergencyMs = 1_000;

/**
 * The last look before a key is disabled: each key that is to sign does, and for good, or one of a later rotation does in
 * its place. A node that has not heard of the activation yet gets some seconds. An emergency sets right what has come
 * between; other modes stop.
 *
 * @returns when the keys that are to sign were seen to sign, ISO 8601 UTC
 * @throws {RotationError} KEY_NOT_ACTIVE where another key is above one that is active; NODES_DISAGREE where one is not
 */
export async function seeSigners(cutover: Cutover): Promise<string> {
  const isEmergency = cutover.request.mode === "emergency";
  for (let round = 0; ; round += 1) {
    const isLast = !isEmergency || round === maxActivations;
    const due = await dueActivations(cutover, isEmergency ? nodesInEmergencyMs : nodesMs).catch(
      (error: unknown) => {
        if (isLast || !(error instanceof RotationError && error.code === "NODES_DISAGREE")) throw error;
        return undefined;
      },
    );
    if (due?.length === 0) return new Date().toISOString();
    if (isLast && due?.[0]) throw notActive(due[0].key);
    await activate(cutover);
  }
}

/** What is left to activate, once every node shows what was: those above which another key is. */
function dueActivations({ keys, plan }: Cutover, timeoutMs: number): Promise<CutoverPlan["activate"]> {
  const look = async () => {
    const { activate: due } = await plan();
    if (!due.every(isActive)) keys.readAgain();
    return due;
  };
  return awaitState(look, (due) => due.every(isActive), {
    what: "the new keys are active",
    describe: (due) => due.map(({ key }) => `${key.kid} is ${key.status}`).join(", "),
    timeoutMs,
  });
}

function isActive({ key }: { key: RealmKey }): boolean {
  return key.status === "ACTIVE";
}
