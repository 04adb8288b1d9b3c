import { RotationError } from "../base/errors.ts";
import { seeSigners } from "./activate.ts";
import { unsettled } from "./cut-over-errors.ts";
import type { Cutover } from "./cutover-request.ts";
import { openDeath } from "./death-marks.ts";
import { obsoleteKeys } from "./obsolete-keys.ts";
import type { RealmKey } from "./realm-keys.ts";

/** A client can make Keycloak add a `fallback-*` key between two reads; so the keys are read until nothing is left to do. */
const maxRounds = 5;

/**
 * Makes every key that does not sign passive, or disables it.
 *
 * @returns by kid, when a key was disabled, ISO 8601 UTC
 * @throws {RotationError} CUTOVER_UNSETTLED
 */
export async function moveOthers(cutover: Cutover): Promise<Map<string, string>> {
  const { request, plan } = cutover;
  const disabledAt = new Map<string, string>();
  // What was active a moment ago is not due: only what was passive at first is retired.
  const due = new Set((await plan()).disable.map(({ kid }) => kid));
  const isDue = ({ kid }: RealmKey) => request.mode === "emergency" || due.has(kid);
  for (let round = 0; ; round += 1) {
    const { passivate, disable: retiring } = await plan();
    const disable = retiring.filter(isDue);
    if (disable.length + passivate.length === 0) return disabledAt;
    if (round === maxRounds) throw unsettled();
    await moveOnce(cutover, { passivate, disable }, disabledAt);
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
