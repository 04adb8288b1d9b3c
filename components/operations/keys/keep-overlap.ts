import { setTimeout as delay } from "node:timers/promises";
import { describeDuration } from "../base/durations.ts";
import { seeSigners } from "./activate.ts";
import type { Cutover } from "./cutover-request.ts";
import { newOverlapEnd, overlapEnd } from "./overlap.ts";

/** Gives keys that stop signing now, or whose overlap has no known end, a whole overlap from now on. */
export async function extendOverlap({ request, keys, plan }: Cutover): Promise<void> {
  const { mode, overlapMs } = request;
  if (mode === "emergency") return;
  const { signers, passivate, disable } = await plan();
  const end = overlapEnd(signers);
  const isUnknown = end === undefined && disable.length === 0;
  const isLate = passivate.length > 0 && end !== undefined && end <= new Date().toISOString();
  if (!isUnknown && !isLate) return;
  for (const key of signers) await keys.change(key, { marks: { retireAfter: newOverlapEnd(overlapMs) } });
}

/** An emergency ends the overlap that it interrupts: a later planned run must not take it for still running. */
export async function endOverlap({ request, keys, plan }: Cutover): Promise<void> {
  if (request.mode !== "emergency") return;
  const now = new Date().toISOString();
  for (const key of (await plan()).signers) {
    if (key.retireAfter && key.retireAfter > now) await keys.change(key, { marks: { retireAfter: now } });
  }
}

/**
 * Where canary tokens could only be minted by making a passive key the signer for a moment, others may have got a token
 * of it, too: it is disabled once that has expired.
 */
export async function outliveBorrowing(cutover: Cutover): Promise<void> {
  const { request, keys, progress, plan } = cutover;
  const { mode, canary, overlapMs } = request;
  if (mode === "emergency" || canary.borrowedAt === undefined) return;
  if ((await plan()).disable.length === 0) return;
  const until = Date.parse(canary.borrowedAt) + overlapMs;
  if (until <= Date.now()) return;
  for (let left = until - Date.now(); left > 0; left = until - Date.now()) {
    progress(
      `waiting another ${describeDuration(left)} until tokens that the passive keys signed have expired`,
    );
    await delay(Math.min(left, 30_000));
  }
  keys.readAgain();
  await seeSigners(cutover);
}
