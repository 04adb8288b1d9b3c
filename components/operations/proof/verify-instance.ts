import { setTimeout as delay } from "node:timers/promises";
import type { Canary, MintedToken } from "../canaries/canary.ts";
import type { ForgedToken } from "../canaries/forged-tokens.ts";
import { type Identity, identity, type OpenInstance } from "../fleet/instances.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import type { Startup } from "../fleet/read-startup.ts";
import {
  type RefreshExpectation,
  type RefreshResult,
  type RefreshSettings,
  refreshInstance,
} from "../fleet/refresh.ts";
import type { Baseline } from "./canary-findings.ts";
import { describeVerdict, probe, type Verdict } from "./probe.ts";

/** One question put to one instance, and its answer. */
export interface Check {
  /**
   * `fresh`: a token of the new key. `passive`: a canary of a key that is trusted until its overlap is over. `retired`:
   * a canary of a retired key. `earlier`: a canary of a key that an earlier rotation has retired, which was never
   * verified. `forged`: a token that no key of the realm backs.
   */
  check: "fresh" | "passive" | "retired" | "earlier" | "forged";
  /** The kid, or for a forgery its kind and algorithm. */
  subject: string;
  /** For a canary: whether this instance had seen it before the cut-over. */
  canary?: "seen" | "unseen";
  /** The token's `jti`, where it has one of its own. */
  jti?: string;
  expected: "accepted" | "rejected";
  verdict: Verdict;
  ok: boolean;
  /** ISO 8601 UTC. */
  at: string;
}

/**
 * `replayed`: the instance accepted each canary before the cut-over and rejects it, unexpired, after.
 * `restarted`: it was not asked before, but it started after the cut-over and its log shows a bootstrap from the new
 * set. Weaker: its word and its start-up time are taken for it.
 * `nothing-retired`: the rotation retired no key, so there is nothing to prove.
 * `unproven`: anything else.
 */
export type ProofLevel = "replayed" | "restarted" | "nothing-retired" | "unproven";

export interface InstanceVerification extends Identity {
  instance: string;
  url: string;
  proof: ProofLevel;
  /** Proven, fresh tokens accepted, forged ones rejected. */
  verified: boolean;
  /** When it was first seen to reject every canary, and has at every look since; ISO 8601 UTC. */
  provenAt?: string;
  /** Given where the instance started after the retired keys' death. */
  startup?: Startup;
  checks: Check[];
  /** Why it is not verified, each a phrase that starts with a verb. */
  reasons: string[];
}

/** Everything that is needed to question an instance; the same for all of them. */
export interface Questions {
  probe: ProbeSettings;
  refresh: RefreshSettings;
  apiRefreshTokens: string[];
  expectation: RefreshExpectation;
  canaries: Canary[];
  /** Canaries of keys that rotations before have retired, and whose death was never proven. */
  earlier: Canary[];
  /** Canaries of keys that are still trusted. */
  passive: Canary[];
  /** Retired kids for which there is no canary. */
  withoutCanary: string[];
  fresh: MintedToken[];
  forged: ForgedToken[];
  expired: ShortLivedToken;
}

/** A token that is put to an instance when it has expired. */
export interface ShortLivedToken extends MintedToken {
  /** When it expires, in milliseconds of our own clock, whatever Keycloak's says. */
  expiresHere: number;
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

/** What is known of an instance from before. */
export interface KnownOfInstance {
  /** What it said before the cut-over. */
  baseline?: Baseline | undefined;
  /** What an earlier verification of the same rotation has found. */
  previous?: InstanceVerification | undefined;
  /** Undefined where it did not start after the retired keys' death. */
  startup(): Promise<Startup | undefined>;
}

/** A retired key's canary that is still live must be refused by an instance that has never known that key, too. */
async function verifyStarted(
  instance: OpenInstance,
  questions: Questions,
  known: KnownOfInstance,
  startup: Startup,
): Promise<InstanceVerification> {
  const canaries = questions.canaries.filter(
    ({ seen, unseen }) => isLive(seen, questions.probe) && isLive(unseen, questions.probe),
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
  let keyChecks = await askAboutKeys(instance, questions);
  let refreshed: RefreshResult | undefined;
  if (keyChecks.some(({ ok }) => !ok) && !keyChecks.some(isUnanswered)) {
    const { refresh, apiRefreshTokens, expectation } = questions;
    refreshed = await refreshInstance(instance, refresh, apiRefreshTokens, expectation);
    keyChecks = await askAboutKeys(instance, questions);
  }
  const silent = keyChecks.find(isUnanswered);
  const checks = silent ? keyChecks : [...keyChecks, ...(await askAboutForgeries(instance, questions))];
  const gaps = [
    ...(startup ? [] : baselineGaps(questions, baseline)),
    ...questions.withoutCanary.map((kid) => `can't be asked about kid ${kid}: no canary of it exists`),
  ];
  const failures = checks.filter(({ ok, verdict }) => !ok && verdict !== silent?.verdict);
  const reasons = [
    ...describeFailures(failures),
    ...(silent ? [describeSilence(silent)] : []),
    ...(failures.length > 0 && refreshed?.reason ? [`can't be refreshed (${refreshed.reason})`] : []),
  ];
  return {
    instance: instance.name,
    ...identity(instance),
    url: instance.url,
    ...judge(checks, gaps, previous, startup),
    checks,
    reasons: [...reasons, ...gaps],
  };
}

function judge(
  checks: readonly Check[],
  gaps: readonly string[],
  previous: InstanceVerification | undefined,
  startup: Startup | undefined,
) {
  const retired = checks.filter(({ check }) => check === "retired");
  const verified = gaps.length === 0 && checks.every(({ ok }) => ok);
  if (!startup && retired.length + gaps.length === 0) return { proof: "nothing-retired" as const, verified };
  if (gaps.length > 0 || !retired.every(({ ok }) => ok))
    return { proof: "unproven" as const, verified: false };
  const proof = startup ? ("restarted" as const) : ("replayed" as const);
  // The proof of a process that has ended since is none of this one.
  const isSame = startup === undefined || (previous?.provenAt ?? "") >= startup.startedAt;
  return { proof, verified, provenAt: (isSame ? previous?.provenAt : undefined) ?? provenAt(retired) };
}

/** Asks until there is no answer at all: an instance that hangs would otherwise cost a timeout for each question. */
async function askAboutKeys(
  instance: OpenInstance,
  { probe, canaries, earlier, passive, fresh }: Questions,
): Promise<Check[]> {
  const checks: Check[] = [];
  const questions = [
    ...canaries.flatMap(({ kid, seen, unseen }) => [
      { check: "retired" as const, subject: kid, canary: "unseen" as const, token: unseen },
      { check: "retired" as const, subject: kid, canary: "seen" as const, token: seen },
    ]),
    ...earlier.map(({ kid, unseen }) => ({ check: "earlier" as const, subject: kid, token: unseen })),
    // The other canary stays unseen: it is for the day on which the key is retired.
    ...passive.map(({ kid, seen }) => ({ check: "passive" as const, subject: kid, token: seen })),
    ...fresh.map((token) => ({ check: "fresh" as const, subject: token.kid, token })),
  ];
  for (const question of questions) {
    const answer =
      checks.find(isUnanswered)?.verdict ?? (await probeUnexpired(instance, probe, question.token));
    checks.push(keyCheck(question, answer));
  }
  return checks;
}

type KeyQuestion = Pick<Check, "subject"> & {
  check: "fresh" | "passive" | "retired" | "earlier";
  canary?: "seen" | "unseen";
  token: MintedToken;
};

function keyCheck({ check, subject, canary, token }: KeyQuestion, verdict: Verdict): Check {
  const expected = check === "retired" || check === "earlier" ? "rejected" : "accepted";
  const at = new Date().toISOString();
  const { jti } = token;
  return {
    check,
    subject,
    ...(canary ? { canary } : {}),
    jti,
    expected,
    verdict,
    ok: verdict.kind === expected,
    at,
  };
}

/** A rejection proves nothing once the instance may take the token for expired, by its clock or by ours. */
async function probeUnexpired(
  instance: OpenInstance,
  settings: ProbeSettings,
  token: MintedToken,
): Promise<Verdict> {
  const verdict = await probe(instance, settings, token.token);
  return isLive(token, settings)
    ? verdict
    : { kind: "inconclusive", reason: `the token expires at ${token.expiresAt}` };
}

/** Whether a token is unexpired on every clock that is no more than the tolerated skew away. */
export function isLive(
  { expiresAt }: Pick<MintedToken, "expiresAt">,
  { clockSkewSeconds }: ProbeSettings,
): boolean {
  return Date.now() < Date.parse(expiresAt) - clockSkewSeconds * 1_000;
}

function isUnanswered({ verdict }: Check): boolean {
  return verdict.kind === "inconclusive" && verdict.unanswered === true;
}

function describeSilence({ verdict }: Check): string {
  return `does not answer: ${verdict.kind === "inconclusive" ? verdict.reason : ""}`;
}

async function askAboutForgeries(instance: OpenInstance, questions: Questions): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { forgery, algorithm, token } of questions.forged) {
    const verdict = await probe(instance, questions.probe, token);
    checks.push(forgedCheck(`${forgery} ${algorithm}`, verdict));
  }
  const { expired } = questions;
  const verdict = await askExpired(instance, questions.probe, expired);
  checks.push({ ...forgedCheck(`expired ${expired.algorithm}`, verdict), jti: expired.jti });
  return checks;
}

/** A verifier may tolerate some clock skew, so one that accepts the expired token is asked again when that is over. */
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

/** Retired kids whose canary the instance was not seen to accept before the cut-over, or that have none. */
function neverAccepted({ canaries, withoutCanary }: Questions, baseline: Baseline | undefined): string[] {
  const accepted = ({ kid }: Canary) =>
    baseline?.verdicts.some((one) => one.kid === kid && one.verdict.kind === "accepted") === true;
  return [...canaries.filter((canary) => !accepted(canary)).map(({ kid }) => kid), ...withoutCanary];
}

function baselineGaps({ canaries }: Questions, baseline: Baseline | undefined): string[] {
  return canaries.flatMap(({ kid }) => {
    const verdict = baseline?.verdicts.find((one) => one.kid === kid)?.verdict;
    if (verdict?.kind === "accepted") return [];
    const what = verdict ? describeVerdict(verdict) : "was not asked";
    return [
      `did not accept the canary of kid ${kid} before the cut-over (${what}), so its rejection now proves nothing`,
    ];
  });
}

function provenAt(retired: readonly Check[]): string {
  return (
    retired
      .map(({ at }) => at)
      .toSorted()
      .at(-1) ?? new Date().toISOString()
  );
}

/** A phrase for each failure; one for both canaries of a key where both have the same fate. */
function describeFailures(failures: readonly Check[]): string[] {
  const phrases = new Map<string, string[]>();
  for (const failure of failures) {
    const phrase = describeFailure(failure);
    phrases.set(phrase, [...(phrases.get(phrase) ?? []), ...(failure.canary ? [failure.canary] : [])]);
  }
  return [...phrases].map(([phrase, canaries]) =>
    canaries.length === 0
      ? phrase
      : `${phrase} (its ${canaries.join(" and ")} ${canaries.length > 1 ? "canaries" : "canary"})`,
  );
}

function describeFailure({ check, subject, verdict }: Check): string {
  const token =
    check === "forged" || check === "fresh"
      ? `the ${check} token (${subject})`
      : `a token of ${check} kid ${subject}`;
  switch (verdict.kind) {
    case "accepted":
      if (check === "earlier") return `still accepts kid ${subject}, which an earlier rotation has retired`;
      return check === "retired" ? `still accepts kid ${subject}` : `accepts ${token}`;
    case "rejected":
      return `rejects ${token} with ${verdict.status}`;
    case "inconclusive":
      return `gives no verdict on ${token}: ${verdict.reason}`;
    default:
      return verdict satisfies never;
  }
}
