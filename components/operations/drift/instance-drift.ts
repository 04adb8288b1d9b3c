import { messageOf } from "../base/errors.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import { type Instance, type OpenInstance, targetNameOf } from "../fleet/instances.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import { emptyTargets, sweep } from "../fleet/sweep.ts";
import type { OpenTarget } from "../fleet/target-kind.ts";
import { openTargets } from "../fleet/targets.ts";
import { probeEveryProcess } from "../proof/live-token.ts";
import { describeVerdict } from "../proof/probe.ts";
import { type SpreadVerdict, whereDivided } from "../proof/spread.ts";
import type { Finding } from "./finding.ts";
import type { KnownRealm } from "./known-realm.ts";

/** One token that every instance is asked about. */
interface Question {
  kind: "fresh" | "passive" | "retired";
  kid: string;
  /** Secret. */
  token: string;
}

export interface InstanceAnswers {
  findings: Finding[];
  /** How many instances were asked. */
  asked: number;
}

/**
 * Asks every instance about a fresh token of each key that signs, and about each canary that has not expired: those of
 * retired keys must be rejected, those of passive keys accepted. Only the GET of the probe is sent.
 *
 * @param fresh secret: a token of each key that signs
 * @param context the time now, and the stack's name for the commands that fix an instance
 */
export async function instanceDrift(
  known: KnownRealm,
  fresh: readonly { kid: string; token: string }[],
  { now, stack }: { now: string; stack: string },
): Promise<InstanceAnswers> {
  const questions = [
    ...fresh.map(({ kid, token }): Question => ({ kind: "fresh", kid, token })),
    ...canaryQuestions(known, now),
  ];
  const targets = await openTargets(known.targets);
  const options = { concurrency: known.refresh.concurrency, readyTimeoutMs: 0 };
  const { results, waiting, failures } = await sweep(targets, options, (instance) =>
    ask(instance, questions, known),
  );
  const unseen = [
    ...waiting.map(({ name }) => `${name} is not ready`),
    ...failures.map(({ target, error }) => `target ${target}: ${error.message}`),
  ];
  const seen = [...results.map(({ instance }) => instance), ...waiting];
  const context = { stack, refreshPath: known.refresh.path };
  const judged = await Promise.all(
    results.map(async ({ instance, value }) => {
      const command = await targetOf(targets, instance)?.fixCommand(instance, context);
      return judge(instance, value, known.realm, command ?? "restart it");
    }),
  );
  return {
    asked: results.length,
    findings: [
      ...judged.flat(),
      ...unseen.map((what) => couldNotTell(known.realm, what)),
      ...emptyTargets(known.targets, seen, failures).map(({ name }) =>
        couldNotTell(known.realm, `target ${name} has no instance`),
      ),
      ...expired(known, questions, now),
    ],
  };
}

function targetOf(targets: readonly OpenTarget[], instance: Instance): OpenTarget | undefined {
  return targets.find(({ name }) => name === targetNameOf(instance));
}

/** Something that could not be looked at. */
export function couldNotTell(
  realm: string,
  what: string,
  next = "fix it, then run the drift check again",
): Finding {
  return {
    code: "COULD_NOT_TELL",
    severity: "unknown",
    realm,
    what,
    means: "it is not known whether this has drifted",
    fix: next,
  };
}

function canaryQuestions(known: KnownRealm, now: string): Question[] {
  const kinds = { retired: known.retired, passive: known.passive };
  return withTokens(known)
    .filter(({ kid, seen }) => seen.expiresAt > now && !known.acknowledged.includes(kid))
    .flatMap(({ kid, seen }) => {
      const kind = (["retired", "passive"] as const).find((one) => kinds[one].some((key) => key.kid === kid));
      return kind ? [{ kind, kid, token: seen.token }] : [];
    });
}

/** Nobody can be asked about a retired key whose canary has expired or never existed. That is not drift. */
function expired(
  { realm, retired, acknowledged }: KnownRealm,
  questions: readonly Question[],
  now: string,
): Finding[] {
  const asked = [...questions.map(({ kid }) => kid), ...acknowledged];
  const silent = retired.filter(({ kid }) => !asked.includes(kid));
  // Keycloak's default limit: none of its tokens can live longer.
  const oldest = Date.parse(now) - 10 * 3_600_000;
  const recent = silent.filter(({ disabledAt }) => Date.parse(disabledAt) > oldest);
  return recent.map(({ kid }) =>
    couldNotTell(realm, `no canary of retired kid ${kid} is left, so no instance could be asked about it`),
  );
}

type Answer = Question & SpreadVerdict;

async function ask(
  instance: OpenInstance,
  questions: readonly Question[],
  { probe: settings }: KnownRealm,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const question of questions)
    answers.push({ ...question, ...(await verdictOf(instance, settings, question)) });
  return answers;
}

async function verdictOf(
  instance: OpenInstance,
  settings: ProbeSettings,
  { kind, token }: Question,
): Promise<SpreadVerdict> {
  try {
    return await probeEveryProcess(instance, settings, token, kind === "retired" ? "rejected" : "accepted");
  } catch (error) {
    return { verdict: { kind: "inconclusive", reason: messageOf(error) } };
  }
}

const wrongAnswers = {
  fresh: {
    when: "rejected",
    code: "INSTANCE_REJECTS_FRESH",
    what: "rejects a fresh token of kid",
    means: "its users are rejected: it does not know the key that signs",
  },
  passive: {
    when: "rejected",
    code: "INSTANCE_REJECTS_PASSIVE",
    what: "rejects a token of the passive kid",
    means: "users who got their token before the rotation are rejected",
  },
  retired: {
    when: "accepted",
    code: "INSTANCE_ACCEPTS_RETIRED",
    what: "ACCEPTS a token of the retired kid",
    means: "anyone who has that key can log in there",
  },
} as const;

function judge(instance: Instance, answers: readonly Answer[], realm: string, fix: string): Finding[] {
  const where = instance.target === undefined ? instance.name : `${instance.target}/${instance.name}`;
  const silent = answers.filter(({ verdict }) => verdict.kind === "inconclusive");
  const [first] = silent;
  const unasked = first
    ? [couldNotTell(realm, `${where} could not be asked: ${describeVerdict(first.verdict)}`)]
    : [];
  const wrong = answers.filter(({ kind, verdict }) => verdict.kind === wrongAnswers[kind].when);
  return [
    ...unasked,
    ...wrong.map((answer): Finding => {
      const { kind, kid } = answer;
      const { code, what, means } = wrongAnswers[kind];
      const which = whereDivided(answer);
      return {
        code,
        severity: "critical",
        realm,
        what: `${where} ${what} ${kid}${which && ` (${which})`}`,
        means,
        fix,
      };
    }),
  ];
}
