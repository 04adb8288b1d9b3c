import { RotationError } from "../base/errors.ts";
import { awaitState } from "../keycloak/await-state.ts";
import { seeSigners } from "./activate.ts";
import { unsettled } from "./cut-over-errors.ts";
import type { Cutover } from "./cutover-request.ts";
import { isRevived, openDeath } from "./death-marks.ts";
import { obsoleteKeys } from "./obsolete-keys.ts";
import type { RealmKey } from "./realm-keys.ts";

/** A client can make Keycloak add a `fallback-*` key between two reads; so the keys are read until nothing is left to do. */
const maxRounds = 5;

/** How long a Keycloak node may show a key as it was before it was changed, in milliseconds. */
const nodesMs = 5_000;
/** In an emergency it is changed again after that, which does no harm where a node is only behind. */
const nodesInEmergencyMs = 1_000;

/** What came of moving the keys that do not sign. */
export interface Moved {
  /** By kid, when a key was disabled, ISO 8601 UTC. */
  disabledAt: Map<string, string>;
  /** In an emergency, what a node goes on showing that has not heard of it, a sentence each. */
  problems: string[];
}

/**
 * Disables the keys that were retired before and enabled again: they wait for no overlap. In an emergency no key does, and
 * {@link moveOthers} disables them all: one that can't be changed must not keep the next one alive.
 *
 * @returns by kid, when each was disabled, ISO 8601 UTC
 */
export async function disableRevived(cutover: Cutover): Promise<Map<string, string>> {
  const disabledAt = new Map<string, string>();
  if (cutover.request.mode === "emergency") return disabledAt;
  const disable = (await cutover.plan()).disable.filter(isRevived);
  if (disable.length > 0) await moveOnce(cutover, { passivate: [], disable }, disabledAt);
  return disabledAt;
}

/**
 * Makes every key that does not sign passive, or disables it.
 * @throws {RotationError} CUTOVER_UNSETTLED; outside an emergency NODES_DISAGREE
 */
export async function moveOthers(cutover: Cutover): Promise<Moved> {
  const { request, plan } = cutover;
  const disabledAt = new Map<string, string>();
  const moved = new Set<string>();
  // What was active a moment ago is not due: only what was passive at first is retired.
  const due = new Set((await plan()).disable.map(({ kid }) => kid));
  const isDue = ({ kid }: RealmKey) => request.mode === "emergency" || due.has(kid);
  const left = async () => {
    const { passivate, disable } = await plan();
    return { passivate, disable: disable.filter(isDue) };
  };
  for (let round = 0; ; round += 1) {
    const now = await left();
    const all = [...now.passivate, ...now.disable];
    if (all.length === 0) return { disabledAt, problems: [] };
    const isAgain = all.every(({ kid }) => moved.has(kid));
    if (round === maxRounds && !isAgain) throw unsettled();
    const behind = isAgain ? await nodesBehind(cutover, left) : undefined;
    if (behind?.length === 0) return { disabledAt, problems: [] };
    // Instances must be told all the same.
    if (round === maxRounds) return { disabledAt, problems: behind ?? [] };
    await moveOnce(cutover, now, disabledAt);
    for (const { kid } of all) moved.add(kid);
  }
}

/**
 * Nothing is left to do but what was done: a node has not heard of it, or somebody has undone it. Waits until no node
 * shows the keys as they were.
 *
 * @returns in an emergency, a sentence where one goes on doing so
 * @throws {RotationError} NODES_DISAGREE outside an emergency
 */
async function nodesBehind(
  { keys, request }: Cutover,
  left: () => Promise<{ passivate: RealmKey[]; disable: RealmKey[] }>,
): Promise<string[]> {
  const isEmergency = request.mode === "emergency";
  const look = async () => {
    keys.readAgain();
    const { passivate, disable } = await left();
    return [...passivate, ...disable];
  };
  try {
    await awaitState(look, (behind) => behind.length === 0, {
      what: "the old keys are as they were left",
      describe: (behind) => behind.map(({ kid, status }) => `${kid} is ${status}`).join(", "),
      timeoutMs: isEmergency ? nodesInEmergencyMs : nodesMs,
    });
    return [];
  } catch (error) {
    if (!isEmergency || !(error instanceof RotationError)) throw error;
    return [error.message];
  }
}

async function moveOnce(
  cutover: Cutover,
  { passivate, disable }: { passivate: readonly RealmKey[]; disable: readonly RealmKey[] },
  disabledAt: Map<string, string>,
): Promise<void> {
  const { keys, progress, request } = cutover;
  const marks = request.deathMarks ?? openDeath(request.rotation);
  const failures: unknown[] = [];
  for (const key of passivate) {
    await keys.change(key, { active: false });
    progress(`${key.kid} (${key.algorithm}, ${key.componentName}) is passive`);
  }
  for (const key of disable) {
    await seeSigners(cutover);
    try {
      await keys.change(key, { enabled: false, active: false, marks });
      disabledAt.set(key.kid, new Date().toISOString());
      progress(`${key.kid} (${key.algorithm}, ${key.componentName}) is disabled`);
    } catch (error) {
      // One that can't be changed must not keep the next one alive.
      if (request.mode !== "emergency" || !(error instanceof RotationError) || isEnd(error)) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Somebody else goes on, or nobody is left to go on for. */
function isEnd({ code }: RotationError): boolean {
  return code.startsWith("LEASE_") || code === "ENGINE_GONE";
}

/**
 * Deletes keys that earlier rotations disabled. Only a retirement does: in an emergency nothing is deleted that somebody
 * may want to examine.
 */
export async function deleteObsolete(
  { request, keys, progress }: Cutover,
  disabledAt: ReadonlyMap<string, string>,
): Promise<RealmKey[]> {
  const { mode, stage, keepRetired } = request;
  if (mode === "emergency" || stage !== "final") return [];
  const obsolete = obsoleteKeys(await keys.list(), keepRetired).filter(({ kid }) => !disabledAt.has(kid));
  for (const key of obsolete) {
    await keys.delete(key);
    progress(`${key.kid} (${key.componentName}) is deleted: an earlier rotation disabled it`);
  }
  return obsolete;
}
