import { statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "#operations/base/errors";
import { unpack } from "#operations/base/packed";
import { report } from "#operations/base/report";
import type { RealmSettings } from "#operations/config/realm-settings";
import { bundleDirectory } from "#operations/evidence/write-evidence";
import type { MarkChanges } from "#operations/keys/key-marks";
import { killStep, provenKill } from "#operations/keys/kill-marks";
import { isTrusted, listSigningKeys, type RealmKey, updateKeyComponent } from "#operations/keys/realm-keys";
import type { CutoverOutputs } from "#phases/cut-over";
import type { EvidenceOutputs } from "#phases/evidence";
import { adminOf } from "#phases/phase-request";
import { KeptRun } from "./kept-run.ts";
import { KillPhases, publishedKey } from "./kill-phases.ts";
import type { RealmPlan } from "./kill-plan.ts";
import { deadAndAlive, type RealmOutcome } from "./outcome.ts";
import { Stopped, type StopRequest } from "./stop.ts";

/** What the kill of each realm takes. */
export interface KillRun {
  /** Secret. */
  apiRefreshTokens: string[];
  /** Secret. Encrypts what is kept for a repeated run. */
  keptSecret: string;
  /** When it was confirmed, by `Date.now()`. */
  confirmedAt: number;
  stop: StopRequest;
}

/** What is known by the end, however it ends. */
interface Reached {
  cutover?: CutoverOutputs;
  newKids: string[];
  evidence?: EvidenceOutputs;
}

/** Rotates one realm. Never throws: how it ended is the result. */
export async function killRealm(plan: RealmPlan, run: KillRun): Promise<RealmOutcome> {
  const reached: Reached = { newKids: [] };
  try {
    await runPhases(plan, run, reached);
    return await outcomeOf(plan, run, reached, null);
  } catch (error) {
    const why = error instanceof Stopped ? `stopped: ${error.message}` : messageOf(error);
    return await outcomeOf(plan, run, reached, why);
  }
}

async function runPhases({ settings }: RealmPlan, run: KillRun, reached: Reached): Promise<void> {
  const { run: context } = settings;
  const { realm } = context;
  const kept = await KeptRun.open(context, run.keptSecret);
  const keep: KeptRun["keep"] = (given) =>
    kept
      .keep(given)
      .catch((error: unknown) =>
        report(
          "canary",
          `a repeated run could not go on from here: nothing could be kept (${messageOf(error)})`,
          context,
        ),
      );
  const phase = new KillPhases(settings, run.apiRefreshTokens, kept.phases, keep);
  const admin = await adminOf(context);
  run.stop.safePoint(realm, "nothing was touched; the old keys are ALIVE");
  const freezing = phase.freeze();
  const canary = await phase.mintCanaries(await listSigningKeys(admin));
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
  await mark(settings, published, { done: ended.join(" ") });
  run.stop.safePoint(realm, "the old keys are DEAD, the instances were told; nothing is proven yet");
  const given = { ...soFar, enforcement };
  const emergency = { frozen, revoked, internal };
  const verification = await phase.verify(given, emergency, after);
  reached.evidence = await phase.writeEvidence(given, verification, emergency);
  await mark(settings, deadKeys(cutover), provenKill(context.rotation, reached.evidence.digest));
  await phase.thaw(frozen, verification);
  const thawed = frozen.frozenAt === null ? [] : [killStep("freeze", settings.emergency.freeze)];
  await mark(settings, published, { done: [...ended, ...thawed].join(" ") });
  await kept.forget();
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
  error: string | null,
): Promise<RealmOutcome> {
  const { run } = settings;
  const found = deadAndAlive(dying, await trustedKids(run));
  const deaths = (cutover?.retired ?? []).map(({ disabledAt }) => Date.parse(disabledAt) - confirmedAt);
  const isDead = found.alive.length === 0 && (cutover !== undefined || dying.length > 0);
  return {
    realm: run.realm,
    result: isDead ? (error === null ? "proven" : "not-proven") : "alive",
    ...found,
    newKids,
    timeToDeadMs: found.dead.length > 0 && deaths.some((ms) => ms >= 0) ? Math.max(...deaths) : null,
    report: evidence?.reportPath ?? reportSince(run, confirmedAt),
    evidenceDigest: evidence?.digest ?? null,
    error,
  };
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
