import { engineGone } from "../base/engine-watch.ts";
import { messageOf } from "../base/errors.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { progressOf, report } from "../base/report.ts";
import type { RunContext } from "../base/run-context.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { FleetSettings } from "../fleet/fleet.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { openDeath } from "../keys/death-marks.ts";
import type { VerifierUrls } from "../keys/jwks-read-back.ts";
import { killOf, openKill } from "../keys/kill-marks.ts";
import { isTrusted, listSigningKeys, updateKeyComponent } from "../keys/realm-keys.ts";
import {
  describeWatch,
  isRelapsed,
  isUnresolved,
  relapsedKids,
  relapseError,
  type WatchResult,
} from "../proof/relapse.ts";
import { type WatchedKeys, watchForRelapse } from "../proof/watch.ts";
import { adminOf, detailsOf, type PhaseInputs, type Step, stepOf } from "./phase-request.ts";
import { inProgress } from "./run-phase.ts";

export interface WatchInputs extends PhaseInputs<{ fleet: FleetSettings } & Pick<VerifierUrls, "jwksUris">> {
  /** For how long it goes on; 0: not at all. */
  seconds: number;
  /** Whether the verification before it is green. */
  verified: boolean;
  /** When that was, ISO 8601 UTC: another time makes it run again. */
  verifiedAt: string;
  /** Secret: what must not come back. */
  keys: Packed<WatchedKeys>;
}

export interface WatchOutputs extends Step {
  /** The verification that it followed, by its time; null where it followed none. */
  watchedAfter: string | null;
  /** When it ended, ISO 8601 UTC; null where there was no watch. */
  watchedAt: string | null;
  /** Whether a retired key came back. It is watched again until it was clean. */
  relapsed: boolean;
  /** Secret, for the length of it. */
  result: Packed<WatchResult> | null;
  record: PhaseRecord | null;
}

type WatchOrder = Pick<WatchInputs, "mode" | "seconds" | "verified">;

/** Whether a run watches: only an emergency whose verification is green does. */
function isWatching({ mode, seconds, verified }: WatchOrder): boolean {
  // In a preview it may not be known yet.
  return mode === "emergency" && seconds !== 0 && verified !== false;
}

type Previous = Partial<Pick<WatchOutputs, "watchedAfter" | "relapsed">>;

/** Whether there was a green verification since, or the last watch has found a relapse. */
export function isWatchDue(olds: Previous, news: WatchOrder & Pick<WatchInputs, "verifiedAt">): boolean {
  // In every mode: it is not over.
  if (isUnresolved(olds, news.verifiedAt)) return true;
  return isWatching(news) && olds.watchedAfter !== news.verifiedAt;
}

/**
 * After a proof, asks again for a while whether a retired key has come back. Never throws for one: the result is kept, and
 * `Evidence` makes it fail the run.
 *
 * @param cut ends it at once, in addition to the end of the engine. Default: nothing does
 */
export async function watchPhase(
  inputs: WatchInputs,
  previous: Previous = {},
  cut?: AbortSignal,
): Promise<WatchOutputs> {
  const none = { ...stepOf(inputs), watchedAt: null, relapsed: false, result: null, record: null };
  if (!isWatchDue(previous, inputs)) return { ...none, watchedAfter: null };
  const keys = unpack(inputs.keys);
  const watchedAfter = inputs.verifiedAt;
  if (keys.canaries.length + keys.kids.length === 0) return { ...none, watchedAfter };
  const { run } = detailsOf(inputs);
  const result = await inProgress(run, "watch", () => watch(inputs, keys, cut));
  const relapsed = isRelapsed(result);
  return {
    ...{ ...none, watchedAfter, watchedAt: result.finishedAt, relapsed },
    ...{ result: pack(result), record: recordOf(result) },
  };
}

async function watch(inputs: WatchInputs, keys: WatchedKeys, cut?: AbortSignal): Promise<WatchResult> {
  const { run, fleet, jwksUris } = detailsOf(inputs);
  const admin = await adminOf(inputs);
  const cuts = [cut, engineGone()].filter((signal) => signal !== undefined);
  const result = await watchForRelapse(admin, {
    ...{ ...keys, fleet, jwksUris, seconds: inputs.seconds },
    cut: AbortSignal.any(cuts),
    progress: progressOf("watch", run),
  });
  report("watch", describeWatch(result), run);
  if (isRelapsed(result)) await reopenDeaths(admin, run, relapsedKids(result));
  return result;
}

function recordOf(result: WatchResult): PhaseRecord {
  const { startedAt, finishedAt } = result;
  const times = { startedAt, finishedAt, summary: describeWatch(result) };
  if (!isRelapsed(result)) return { phase: "watch", outcome: "done", ...times };
  return { phase: "watch", outcome: "failed", ...times, error: relapseError(result).message };
}

/** That they are not proven any more is marked on the keys: the next run verifies them again, and a lost state knows it. */
async function reopenDeaths(admin: KeycloakAdmin, run: RunContext, kids: readonly string[]): Promise<void> {
  try {
    const keys = (await listSigningKeys(admin)).filter((key) => kids.includes(key.kid) && !isTrusted(key));
    for (const key of keys) {
      const kill = killOf(key);
      const marks = kill ? openKill(kill.rotation) : openDeath(run.rotation);
      await updateKeyComponent(admin, key.componentId, { marks });
    }
  } catch (error) {
    const what = `kid ${kids.join(", ")} came back, which could not be marked on the key`;
    report("watch", `${what}: ${messageOf(error)}`, run);
  }
}
