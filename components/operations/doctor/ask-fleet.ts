import { setTimeout as delay } from "node:timers/promises";
import type { Fleet } from "../fleet/fleet.ts";
import { type Identity, type Instance, identity, instanceId, type OpenInstance } from "../fleet/instances.ts";
import type { CallResult } from "../fleet/internal-call.ts";
import { refreshInstance } from "../fleet/refresh.ts";
import { type Sweep, sweep } from "../fleet/sweep.ts";
import type { OpenTarget } from "../fleet/targets.ts";
import { probe, type Verdict } from "../proof/probe.ts";
import type { ExamTokens } from "./tokens.ts";

/** A token that an instance was asked about, and its verdict. */
export interface Answer {
  token: "good" | "forged" | "expired";
  algorithm: string;
  verdict: Verdict;
}

/** What one instance has answered. Holds no secret. */
export interface AskedInstance extends Identity {
  instance: string;
  answers: Answer[];
  /** Undefined where it was not called. */
  refresh?: CallResult;
}

/** The instances as they were found and asked. */
export type AskedFleet = Pick<Sweep<AskedInstance>, "results" | "waiting" | "failures">;

export interface FleetExam {
  fleet: Fleet;
  tokens: ExamTokens;
  /** The kids that a refreshed instance must have. */
  trustedKids: readonly string[];
  /** Shows a line to the user. */
  progress: (line: string) => void;
}

/** Instances asked at a time, at least: those that hang must not take up the time of the others. */
const atOnce = 256;
/** Milliseconds for one request, at most. */
const requestMs = 5_000;
/** Milliseconds for all instances; a thousand that hang take 40 s. */
const wholeMs = 60_000;

/** The same fleet, asked as one asks in passing. */
export function inPassing(fleet: Fleet): Fleet {
  const timeoutMs = (ms: number) => Math.min(ms, requestMs);
  const { refresh, probe: settings } = fleet;
  return {
    ...fleet,
    refresh: {
      ...refresh,
      attempts: 1,
      timeoutMs: timeoutMs(refresh.timeoutMs),
      concurrency: Math.max(refresh.concurrency, atOnce),
    },
    probe: { ...settings, attempts: 1, timeoutMs: timeoutMs(settings.timeoutMs) },
  };
}

/**
 * Asks every instance about a good, a forged and an expired token, and has it refresh its keys, which are today's. What has
 * not answered in time is reported as silent. Never throws for an instance.
 */
export async function askFleet(targets: readonly OpenTarget[], exam: FleetExam): Promise<AskedFleet> {
  const hurried = { ...exam, fleet: inPassing(exam.fleet) };
  const { concurrency } = hurried.fleet.refresh;
  const common = { concurrency, readyTimeoutMs: 0, patienceMs: requestMs, progress: exam.progress };
  const { results, waiting, failures } = await sweep(
    targets,
    { ...common, deadline: { at: Date.now() + wholeMs, late } },
    (instance) => askInstance(instance, hurried),
  );
  const again = await askAgain(targets, hurried, results);
  return {
    waiting,
    failures,
    results: results.map(({ instance, value }) => ({
      instance,
      value: again.get(instanceId(instance)) ?? value,
    })),
  };
}

function late(instance: Instance): AskedInstance {
  const reason = `no answer within ${wholeMs / 1_000} s`;
  const verdict: Verdict = { kind: "inconclusive", reason, unanswered: true };
  return {
    instance: instance.name,
    ...identity(instance),
    answers: [{ token: "good", algorithm: "", verdict }],
  };
}

async function askInstance(instance: OpenInstance, exam: FleetExam): Promise<AskedInstance> {
  const { fleet, tokens } = exam;
  const asked = { instance: instance.name, ...identity(instance) };
  const first = await askGood(instance, exam);
  const isSilent = first.some(({ verdict }) => verdict.kind === "inconclusive" && verdict.unanswered);
  const isCalled = fleet.restart.strategy !== "restart" && fleet.apiRefreshTokens.length > 0;
  const refresh = isCalled ? await refreshOnce(instance, exam, isSilent) : undefined;
  const called = { ...asked, ...(refresh ? { refresh } : {}) };
  if (isSilent) return { ...called, answers: first };
  // It may not have known a young key before the refresh.
  const isKnown = first.every(({ verdict }) => verdict.kind === "accepted");
  const good = isKnown ? first : await askGood(instance, exam);
  const forged = await inTurn(tokens.forged, async ({ algorithm, token }) => ({
    token: "forged" as const,
    algorithm,
    verdict: await ask(instance, exam, token),
  }));
  return { ...called, answers: [...good, ...forged, ...(await askExpired(instance, exam))] };
}

function askGood(instance: OpenInstance, exam: FleetExam): Promise<Answer[]> {
  return inTurn(exam.tokens.good, async ({ algorithm, token }) => ({
    token: "good" as const,
    algorithm,
    verdict: await ask(instance, exam, token),
  }));
}

/** One answer that is no verdict may be a hiccup; none at all has cost time enough. */
async function ask(instance: OpenInstance, { fleet }: FleetExam, token: string): Promise<Verdict> {
  const verdict = await probe(instance, fleet.probe, token);
  const isHiccup = verdict.kind === "inconclusive" && !verdict.unanswered;
  return isHiccup ? probe(instance, fleet.probe, token) : verdict;
}

async function refreshOnce(
  instance: OpenInstance,
  { fleet, trustedKids }: FleetExam,
  isSilent: boolean,
): Promise<CallResult> {
  const settings = { ...fleet.refresh, attempts: isSilent ? 1 : 2 };
  const expectation = { present: [...trustedKids], absent: [] };
  const { outcome, status, reason } = await refreshInstance(
    instance,
    settings,
    fleet.apiRefreshTokens,
    expectation,
  );
  if (outcome === "claimed") return { outcome: "done" };
  return {
    outcome: status === 404 ? "unsupported" : "failed",
    ...(reason === undefined ? {} : { reason }),
  };
}

async function askExpired(instance: OpenInstance, exam: FleetExam): Promise<Answer[]> {
  const { expired } = exam.tokens;
  if (!expired) return [];
  await delay(Math.max(0, expired.expiresHere + 1_000 - Date.now()));
  const verdict = await ask(instance, exam, expired.token);
  return [{ token: "expired", algorithm: expired.algorithm, verdict }];
}

/** A verifier may tolerate some clock skew: those that accepted the expired token are asked again after that. */
async function askAgain(
  targets: readonly OpenTarget[],
  exam: FleetExam,
  results: AskedFleet["results"],
): Promise<Map<string, AskedInstance>> {
  const { expired } = exam.tokens;
  const tolerant = new Map(
    results
      .filter(({ value }) => value.answers.some(isAcceptedExpired) && !value.answers.some(isAcceptedForgery))
      .map(({ instance, value }) => [instanceId(instance), value]),
  );
  if (!expired || tolerant.size === 0) return tolerant;
  const { concurrency } = exam.fleet.refresh;
  const skewMs = (exam.fleet.probe.clockSkewSeconds + 1) * 1_000;
  const waitMs = Math.max(0, expired.expiresHere + skewMs - Date.now());
  const who = tolerant.size === 1 ? "1 instance accepts" : `${tolerant.size} instances accept`;
  exam.progress(
    `${who} a token that has just expired; asked again in ${Math.ceil(waitMs / 1_000)} s (clock skew)`,
  );
  await delay(waitMs);
  const options = {
    concurrency,
    readyTimeoutMs: 0,
    patienceMs: requestMs,
    skip: (instance: Instance) => !tolerant.has(instanceId(instance)),
    deadline: { at: Date.now() + wholeMs, late: () => [] as Answer[] },
  };
  const { results: second } = await sweep(targets, options, (instance) => askExpired(instance, exam));
  for (const { instance, value } of second) {
    const before = tolerant.get(instanceId(instance));
    if (!before || value.length === 0) continue;
    const answers = [...before.answers.filter(({ token }) => token !== "expired"), ...value];
    tolerant.set(instanceId(instance), { ...before, answers });
  }
  return tolerant;
}

function isAcceptedExpired({ token, verdict }: Answer): boolean {
  return token === "expired" && verdict.kind === "accepted";
}

/** One that takes any token won't refuse it later. */
function isAcceptedForgery({ token, verdict }: Answer): boolean {
  return token === "forged" && verdict.kind === "accepted";
}

async function inTurn<T, R>(list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const one of list) results.push(await work(one));
  return results;
}
