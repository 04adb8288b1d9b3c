import { type Identity, identity, type OpenInstance } from "../fleet/instances.ts";
import type { Startup } from "../fleet/read-startup.ts";
import { type RefreshResult, refreshInstance } from "../fleet/refresh.ts";
import { askAboutForgeries, askAboutKeys } from "./ask-instance.ts";
import type { Baseline } from "./canary-findings.ts";
import { type Check, isUnanswered } from "./check.ts";
import { describeFailures } from "./describe-checks.ts";
import { forTheKeysSake } from "./for-the-keys-sake.ts";
import { isLive } from "./live-token.ts";
import { baselineGaps, type Judgement, judge, neverAccepted } from "./proof-level.ts";
import type { Questions } from "./questions.ts";
import { isDivided } from "./spread.ts";

export interface InstanceVerification extends Identity, Judgement {
  instance: string;
  url: string;
  /** Given where the instance started after the retired keys were disabled. */
  startup?: Startup;
  /** Names of its processes that have answered. Default: none has a name. */
  processes?: string[];
  checks: Check[];
  /** Why it is not verified, each a phrase that starts with a verb. */
  reasons: string[];
}

/** What is known of an instance from before. */
interface KnownOfInstance {
  /** Its verdicts before the cut-over. */
  baseline?: Baseline | undefined;
  /** What an earlier verification of the same rotation found. */
  previous?: InstanceVerification | undefined;
  /** Undefined where it did not start after the retired keys were disabled. */
  startup(): Promise<Startup | undefined>;
}

/**
 * Verifies one instance. Where it does not reject what it must reject, or not accept what it must accept, it is
 * refreshed once more and asked again, so that a repaired instance heals without a new rotation.
 */
export async function verifyInstance(
  instance: OpenInstance,
  questions: Questions,
  known: KnownOfInstance,
): Promise<InstanceVerification> {
  const unasked = neverAccepted(questions, known.baseline);
  const startup = unasked.length > 0 ? await known.startup() : undefined;
  return startup ? verifyStarted(instance, questions, known, startup) : question(instance, questions, known);
}

/** An instance that has never known a retired key must reject its canary tokens, too, as long as they are valid. */
async function verifyStarted(
  instance: OpenInstance,
  questions: Questions,
  known: KnownOfInstance,
  startup: Startup,
): Promise<InstanceVerification> {
  const { probe } = questions.fleet;
  const canaries = questions.canaries.filter(
    ({ seen, unseen }) => isLive(seen, probe) && isLive(unseen, probe),
  );
  const asked = await question(instance, { ...questions, canaries, withoutCanary: [] }, known, startup);
  if (startup.bootstrap === "seen") return { ...asked, startup };
  const tail = (startup.tail ?? []).slice(-3).map((line) => `\n      ${line}`);
  const reason = `shows no JWKS bootstrap in its start-up log (BOOTSTRAP_NOT_SEEN); its last lines:${tail.join("") || " (nothing)"}`;
  const { provenAt: _provenAt, ...rest } = asked;
  return { ...rest, proof: "unproven", verified: false, startup, reasons: [...asked.reasons, reason] };
}

async function question(
  instance: OpenInstance,
  questions: Questions,
  { baseline, previous }: KnownOfInstance,
  startup?: Startup,
): Promise<InstanceVerification> {
  const { checks, refreshFailure } = await askAll(instance, questions);
  const gaps = [
    ...(startup ? [] : baselineGaps(questions, baseline)),
    ...questions.withoutCanary.map(
      (kid) => `can't be asked about kid ${kid}, for which there are no canary tokens`,
    ),
  ];
  const processes = [...(instance.processes ?? [])].toSorted();
  return {
    instance: instance.name,
    ...identity(instance),
    url: instance.url,
    ...(processes.length > 0 ? { processes } : {}),
    ...judge(checks, {
      ...{ gaps, provenBefore: previous?.provenAt, startup },
      isAcknowledged: questions.acknowledged.length > 0,
    }),
    checks,
    reasons: [...describeFailures(checks), ...refreshFailure, ...gaps],
  };
}

/** Asks about the keys, again after a refresh where that may help, and then about the forgeries. */
async function askAll(
  instance: OpenInstance,
  questions: Questions,
): Promise<{ checks: Check[]; refreshFailure: string[] }> {
  const { fleet, expectation } = questions;
  let keyChecks = await askAboutKeys(instance, questions);
  let refreshed: RefreshResult | undefined;
  for (let attempt = 1; attempt <= refreshesFor(keyChecks, fleet.refresh); attempt += 1) {
    refreshed = await refreshInstance(instance, fleet.refresh, fleet.apiRefreshTokens, expectation);
    keyChecks = await askAboutKeys(instance, questions);
  }
  const isSilent = keyChecks.some(isUnanswered);
  const forged = isSilent ? [] : await askAboutForgeries(instance, questions);
  const checks = [...forTheKeysSake(keyChecks, questions), ...forged];
  const silence = checks.find(isUnanswered)?.verdict;
  const hasFailed = checks.some(({ ok, verdict }) => !ok && verdict !== silence);
  const refreshFailure = hasFailed && refreshed?.reason ? [`can't be refreshed (${refreshed.reason})`] : [];
  return { checks, refreshFailure };
}

/** One refresh helps an instance that is repaired; where its processes are not of one mind it takes several to reach all. */
function refreshesFor(checks: readonly Check[], { attempts }: { attempts: number }): number {
  if (checks.every(({ ok }) => ok) || checks.some(isUnanswered)) return 0;
  return checks.some(isDivided) ? attempts : 1;
}
