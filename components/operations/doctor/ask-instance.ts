import { setTimeout as delay } from "node:timers/promises";
import type { Fleet } from "../fleet/fleet.ts";
import { type Identity, identity, type OpenInstance } from "../fleet/instances.ts";
import type { CallResult } from "../fleet/internal-call.ts";
import { refreshInstance } from "../fleet/refresh.ts";
import { probeEveryProcess } from "../proof/live-token.ts";
import type { Verdict } from "../proof/probe.ts";
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

export interface FleetExam {
  fleet: Fleet;
  tokens: ExamTokens;
  /** The kids that a refreshed instance must have. */
  trustedKids: readonly string[];
  /** Shows a line to the user. */
  progress: (line: string) => void;
}

/** Never throws: what went wrong is an answer. */
export async function askInstance(instance: OpenInstance, exam: FleetExam): Promise<AskedInstance> {
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
    verdict: await ask(instance, exam, token, "rejected"),
  }));
  return { ...called, answers: [...good, ...forged, ...(await askExpired(instance, exam))] };
}

function askGood(instance: OpenInstance, exam: FleetExam): Promise<Answer[]> {
  return inTurn(exam.tokens.good, async ({ algorithm, token }) => ({
    token: "good" as const,
    algorithm,
    verdict: await ask(instance, exam, token, "accepted"),
  }));
}

/** One answer that is no verdict may be a hiccup; none at all has cost time enough. */
async function ask(
  instance: OpenInstance,
  { fleet }: FleetExam,
  token: string,
  expected: "accepted" | "rejected",
): Promise<Verdict> {
  const askAll = () => probeEveryProcess(instance, fleet.probe, token, expected);
  const { verdict } = await askAll();
  const isHiccup = verdict.kind === "inconclusive" && !verdict.unanswered;
  return isHiccup ? (await askAll()).verdict : verdict;
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

/** Shows the expired token, once it has expired. */
export async function askExpired(instance: OpenInstance, exam: FleetExam): Promise<Answer[]> {
  const { expired } = exam.tokens;
  if (!expired) return [];
  await delay(Math.max(0, expired.expiresHere + 1_000 - Date.now()));
  const verdict = await ask(instance, exam, expired.token, "rejected");
  return [{ token: "expired", algorithm: expired.algorithm, verdict }];
}

async function inTurn<T, R>(list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const one of list) results.push(await work(one));
  return results;
}
