import { setTimeout as delay } from "node:timers/promises";
import type { MintedToken } from "../canaries/canary.ts";
import type { ForgedToken } from "../canaries/forged-tokens.ts";
import type { OpenInstance } from "../fleet/instances.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import { type Check, isUnanswered } from "./check.ts";
import type { AskableRow } from "./ledger/rows.ts";
import { probeLive } from "./live-token.ts";
import { probe, type Verdict } from "./probe.ts";
import type { Questions, ShortLivedToken } from "./questions.ts";
import type { SpreadVerdict } from "./spread.ts";

type KeyQuestion = Pick<Check, "subject"> & {
  check: Exclude<Check["check"], "forged">;
  canary?: "seen" | "unseen";
  token: MintedToken;
};

/** Asks until there is no answer at all: an instance that hangs would otherwise cost a timeout for each question. */
export async function askAboutKeys(instance: OpenInstance, questions: Questions): Promise<Check[]> {
  const checks: Check[] = [];
  for (const question of keyQuestions(questions)) {
    const silence = checks.find(isUnanswered)?.verdict;
    const asked = silence
      ? { verdict: silence }
      : await probeLive(
          isAskedByControl(question, questions) ? { ...instance, connections: 1 } : instance,
          questions.fleet.probe,
          question.token,
          expectedOn(question),
        );
    checks.push(keyCheck(question, asked));
  }
  return checks;
}

/** Each process is shown the control token of the same key: a fresh token besides is for one of them. */
function isAskedByControl({ check, subject }: KeyQuestion, { controls }: Questions): boolean {
  return check === "fresh" && controls.some(({ kid }) => kid === subject);
}

function expectedOn({ check }: Pick<KeyQuestion, "check">): "accepted" | "rejected" {
  return check === "retired" || check === "earlier" ? "rejected" : "accepted";
}

function keyQuestions({ rows, controls, passive, fresh }: Questions): KeyQuestion[] {
  return [
    ...rows.flatMap(questionsAbout),
    ...controls.map((token): KeyQuestion => ({ check: "control", subject: token.kid, token })),
    // The other canary token stays unseen: it is for the day on which the key is retired.
    ...passive.map(({ kid, seen }): KeyQuestion => ({ check: "passive", subject: kid, token: seen })),
    ...fresh.map((token): KeyQuestion => ({ check: "fresh", subject: token.kid, token })),
  ];
}

function questionsAbout({ kid, canary, control, standing, isTrustedAgain }: AskableRow): KeyQuestion[] {
  if (!canary || standing === "acknowledged" || isTrustedAgain) return [];
  const { seen, unseen } = canary;
  if (standing === "closed") return control ? [{ check: "earlier", subject: kid, token: unseen }] : [];
  return [
    { check: "retired", subject: kid, canary: "unseen", token: unseen },
    { check: "retired", subject: kid, canary: "seen", token: seen },
  ];
}

function keyCheck({ check, subject, canary, token }: KeyQuestion, asked: SpreadVerdict): Check {
  const expected = expectedOn({ check });
  const at = new Date().toISOString();
  const { jti } = token;
  return {
    check,
    subject,
    ...(canary ? { canary } : {}),
    jti,
    expected,
    ...asked,
    ok: asked.verdict.kind === expected,
    at,
  };
}

/**
 * Shows it tokens that no key of the realm has signed, or that have expired. A made-up kid makes many libraries fetch the keys
 * once and then not again for a while, in which they would refuse a new key: it comes last of all, and only where the instance
 * knows the key that signs now.
 */
export async function askAboutForgeries(
  instance: OpenInstance,
  questions: Questions,
  { takesFresh }: { takesFresh: boolean },
): Promise<Check[]> {
  const settings = questions.fleet.probe;
  const ask = async ({ forgery, algorithm, token }: ForgedToken) =>
    forgedCheck(`${forgery} ${algorithm}`, await probe(instance, settings, token));
  const isMadeUp = ({ forgery }: ForgedToken) => forgery === "unknown-kid";
  const checks: Check[] = [];
  for (const forged of questions.forged.filter((one) => !isMadeUp(one))) checks.push(await ask(forged));
  const { expired } = questions;
  const verdict = await askExpired(instance, settings, expired);
  checks.push({ ...forgedCheck(`expired ${expired.algorithm}`, verdict), jti: expired.jti });
  if (!takesFresh) return checks;
  for (const forged of questions.forged.filter(isMadeUp)) checks.push(await ask(forged));
  return checks;
}

/** A verifier may tolerate some clock skew, so one that accepts the expired token is asked again after that. */
async function askExpired(
  instance: OpenInstance,
  settings: ProbeSettings,
  { token, expiresHere }: ShortLivedToken,
): Promise<Verdict> {
  await delay(Math.max(0, expiresHere + 1_000 - Date.now()));
  const verdict = await probe(instance, settings, token);
  if (verdict.kind !== "accepted") return verdict;
  await delay(Math.max(0, expiresHere + (settings.clockSkewSeconds + 1) * 1_000 - Date.now()));
  return probe(instance, settings, token);
}

function forgedCheck(subject: string, verdict: Verdict): Check {
  const at = new Date().toISOString();
  return { check: "forged", subject, expected: "rejected", verdict, ok: verdict.kind === "rejected", at };
}
