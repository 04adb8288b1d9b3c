import { statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, RotationError } from "#operations/base/errors";
import { unpack } from "#operations/base/packed";
import { report } from "#operations/base/report";
import type { RealmSettings } from "#operations/config/realm-settings";
import { bundleDirectory } from "#operations/evidence/write-evidence";
import type { MarkChanges } from "#operations/keys/key-marks";
import { killStep, killsOf, provenKill } from "#operations/keys/kill-marks";
import {
  describeKey,
  isTrusted,
  listSigningKeys,
  type RealmKey,
  updateKeyComponent,
} from "#operations/keys/realm-keys";
import type { CutoverOutputs } from "#phases/cut-over";
import type { EvidenceOutputs } from "#phases/evidence";
import { releaseLease } from "#phases/lease";
import { adminOf, hurriedAdminOf } from "#phases/phase-request";
import type { KeptPhases, KeptRun } from "./kept-run.ts";
import { KillPhases, publishedKey } from "./kill-phases.ts";
import type { RealmPlan } from "./kill-plan.ts";
import { deadAndAlive, type RealmOutcome, resultOf } from "./outcome.ts";
import { Stopped, type StopRequest } from "./stop.ts";

/** What the kill of each realm takes. */
export interface KillRun {
  /** Secret. */
  apiRefreshTokens: string[];
  /** When it was confirmed, by `Date.now()`. */
  confirmedAt: number;
  stop: StopRequest;
}

/** A realm's plan, and what an earlier run of it has kept. */
export type OpenedPlan = RealmPlan & { kept: KeptRun };

/** What is known by the end, however it ends. */
interface Reached {
  cutover?: CutoverOutputs;
  newKids: string[];
  evidence?: EvidenceOutputs;
}

/** Rotates one realm. Never throws: how it ended is the result. */
export async function killRealm(plan: OpenedPlan, run: KillRun): Promise<RealmOutcome> {
  const reached: Reached = { newKids: [] };
  try {
    await runPhases(plan, run, reached);
    return await outcomeOf(plan, run, reached, null);
  } catch (error) {
    const why = error instanceof Stopped ? `stopped: ${error.message}` : inKillWords(messageOf(error));
    return await outcomeOf(plan, run, reached, why);
  } finally {
    await releaseLease(plan.settings.run);
  }
}

async function runPhases({ settings, kept }: OpenedPlan, run: KillRun, reached: Reached): Promise<void> {
  const { run: context, emergency: wanted } = settings;
  const { realm } = context;
  const phase = new KillPhases(settings, run.apiRefreshTokens, kept.phases, (given) =>
    keepOrSay(kept, given, context),
  );
  run.stop.safePoint(realm, "nothing was touched; the old keys are ALIVE");
  const freezing = phase.freeze();
  // Its failure is for the end, too.
  freezing.catch(() => undefined);
  const releasing = wanted.freeze === "release" ? phase.release() : undefined;
  // Its failure is for the end.
  releasing?.catch(() => undefined);
  const canary = await phase.mintCanaries(await listSigningKeys(await hurriedAdminOf(context)));
  run.stop.safePoint(realm, "no key was changed; the old keys are ALIVE");
  const published = await phase.publish(canary);
  reached.newKids = published.map(({ kid }) => kid);
  run.stop.safePoint(realm, "the new keys are published and do not sign yet; the old keys are ALIVE");
  const cutover = await phase.cutOver(canary, published);
  reached.cutover = cutover;
  const { completedAt: after } = cutover;
  run.stop.safePoint(realm, "the old keys are DEAD at Keycloak; the instances were not told yet");
  const soFar = { canary, keys: published.map(publishedKey), cutover };
  const [frozen, revoked, internal, enforcement] = await Promise.all([
    freezing,
    phase.revoke(),
    phase.rotateInternalKeys(),
    phase.enforce(soFar, after),
  ]);
  const ended = revoked.complete === true ? [killStep("sessions", revoked.revoke)] : [];
  if (ended.length > 0) await mark(settings, published, { done: ended.join(" ") });
  run.stop.safePoint(realm, "the old keys are DEAD, the instances were told; nothing is proven yet");
  const given = { ...soFar, enforcement };
  const actions = { frozen, revoked, internal };
  const verification = await phase.verify(given, actions, after);
  const watch = await run.stop.whileWatching(realm, (cut) => phase.watch(given, verification, cut));
  reached.evidence = await phase.writeEvidence(given, { verification, watch }, actions);
  await mark(settings, deadKeys(cutover), provenKill(context.rotation, reached.evidence.digest));
  await releasing;
  if (frozen.frozenAt !== null) {
    await phase.thaw(frozen, verification);
    await mark(settings, published, { done: [...ended, killStep("freeze", wanted.freeze)].join(" ") });
  }
  await kept.forget();
}

/** What can't be kept keeps no key alive. */
async function keepOrSay(kept: KeptRun, given: KeptPhases, run: RealmSettings["run"]): Promise<void> {
  try {
    await kept.keep(given);
  } catch (error) {
    const why = messageOf(error);
    report(
      "evidence",
      `nothing could be kept for a repeated run, which then can't prove by replay: ${why}`,
      run,
    );
  }
}

/** The phases speak to somebody who runs `up`. */
function inKillWords(message: string): string {
  return message
    .replaceAll(/\b(the same up|the same `up`|up) again\b/g, "the same command again")
    .replaceAll(/\bbump rotation\b/g, "run it for another incident id (which makes new keys)");
}

/** What the `up` after it must know, on the keys themselves. What can't be marked is said: the `up` then does or asks more. */
async function mark(
  { run }: RealmSettings,
  keys: readonly Pick<RealmKey, "componentId" | "kid">[],
  marks: MarkChanges,
): Promise<void> {
  const admin = await adminOf(run);
  const failures = await Promise.all(
    keys.map(({ componentId, kid }) =>
      updateKeyComponent(admin, componentId, { marks }).then(
        () => [],
        (error: unknown) => [`key ${kid} could not be marked with what was done: ${messageOf(error)}`],
      ),
    ),
  );
  for (const failure of failures.flat()) report("evidence", failure, run);
}

/** The retired keys that are still in the realm. */
function deadKeys({ result, retired }: CutoverOutputs): RealmKey[] {
  return unpack(result).keysAfter.filter((key) => retired.some(({ kid }) => kid === key.kid));
}

async function outcomeOf(
  { settings, dying }: RealmPlan,
  { confirmedAt }: KillRun,
  { cutover, newKids, evidence }: Reached,
  failure: string | null,
): Promise<RealmOutcome> {
  const { run } = settings;
  const retired = cutover?.retired ?? [];
  const found = deadAndAlive(dying, await trustedKids(run));
  const deaths = retired
    .filter(({ disabledAtIsExact }) => disabledAtIsExact)
    .map(({ disabledAt }) => Date.parse(disabledAt) - confirmedAt)
    .filter((ms) => ms >= 0);
  // Those that an earlier attempt has disabled, too.
  const dead = [...new Set([...found.dead, ...retired.map(({ kid }) => kid)])];
  const error = failure ?? (dead.length === 0 && cutover ? unknownProof(cutover) : null);
  return {
    realm: run.realm,
    result: resultOf({ dead, error, alive: found.alive, isCutOver: cutover !== undefined }),
    dead,
    alive: found.alive,
    newKids,
    timeToDeadMs: deaths.length > 0 ? Math.max(...deaths) : null,
    report: evidence?.reportPath ?? reportSince(run, confirmedAt),
    evidenceDigest: evidence?.digest ?? null,
    error,
  };
}

/** Where nothing was left to disable, only a mark shows that somebody has proven the old keys dead. */
function unknownProof({ result, rotation }: CutoverOutputs): string | null {
  const { keysAfter } = unpack(result);
  if (killsOf(keysAfter, rotation).some(({ kill }) => kill.isProven)) return null;
  const dead = keysAfter.filter((key) => !isTrusted(key)).map(describeKey);
  const found = `no key was left to disable, and nothing in the realm shows that the instances reject the old ones (${dead.join(", ") || "none is left"}): an up has disabled them`;
  const nextStep =
    "run that up again as soon as its backend is back, since its state has the canary tokens; or restart every instance";
  return new RotationError("PROOF_ELSEWHERE", found, { nextStep }).message;
}

/** Undefined where Keycloak does not say. */
async function trustedKids(run: RealmSettings["run"]): Promise<string[] | undefined> {
  try {
    return (await listSigningKeys(await adminOf(run))).filter(isTrusted).map(({ kid }) => kid);
  } catch {
    return undefined;
  }
}

/** A run that fails has written its bundle, too. */
function reportSince(run: RealmSettings["run"], since: number): string | null {
  const path = join(bundleDirectory(run), "report.md");
  const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return written >= since ? path : null;
}
