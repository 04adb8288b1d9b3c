import { setTimeout as delay } from "node:timers/promises";
import type { Fleet } from "../fleet/fleet.ts";
import { type Instance, identity, instanceId } from "../fleet/instances.ts";
import { type Sweep, sweep } from "../fleet/sweep.ts";
import type { OpenTarget } from "../fleet/targets.ts";
import type { Verdict } from "../proof/probe.ts";
import { type Answer, type AskedInstance, askExpired, askInstance, type FleetExam } from "./ask-instance.ts";

/** The instances as they were found and asked. */
export type AskedFleet = Pick<Sweep<AskedInstance>, "results" | "waiting" | "failures">;

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
