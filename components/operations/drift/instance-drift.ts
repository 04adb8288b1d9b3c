import { messageOf } from "../base/errors.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import type { Instance, OpenInstance } from "../fleet/instances.ts";
import { kubernetesDefaults } from "../fleet/kubernetes/kubernetes-defaults.ts";
import { emptyTargets, sweep } from "../fleet/sweep.ts";
import { openTargets, type Target } from "../fleet/targets.ts";
import { describeVerdict, probe, type Verdict } from "../proof/probe.ts";
import type { Finding } from "./finding.ts";
import type { KnownRealm } from "./known-realm.ts";

/** One token that every instance is shown. */
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
 * Shows every instance a fresh token of each key that signs, and each canary that still lives: those of retired keys
 * must be refused, those of passive ones accepted. Nothing but the probe's GET is sent.
 *
 * @param fresh secret: a token of each key that signs
 * @param stack for the commands that mend
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
  const mend = await mending(known, stack);
  return {
    asked: results.length,
    findings: [
      ...results.flatMap(({ instance, value }) => judge(instance, value, known, mend)),
      ...unseen.map((what) => couldNotTell(known.realm, what)),
      ...emptyTargets(known.targets, seen, failures).map(({ name }) =>
        couldNotTell(known.realm, `target ${name} has no instance`),
      ),
      ...expired(known, questions, now),
    ],
  };
}

/** What could not be looked at. */
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
    means: "nobody knows whether this has drifted",
    fix: next,
  };
}

function canaryQuestions(known: KnownRealm, now: string): Question[] {
  const kinds = { retired: known.retired, passive: known.passive };
  return withTokens(known)
    .filter(({ seen }) => seen.expiresAt > now)
    .flatMap(({ kid, seen }) => {
      const kind = (["retired", "passive"] as const).find((one) => kinds[one].some((key) => key.kid === kid));
      return kind ? [{ kind, kid, token: seen.token }] : [];
    });
}

/** A retired key whose canary has expired, or was never there, can't be asked about any more: that is no drift. */
function expired({ realm, retired }: KnownRealm, questions: readonly Question[], now: string): Finding[] {
  const asked = questions.map(({ kid }) => kid);
  const silent = retired.filter(({ kid }) => !asked.includes(kid));
  // Keycloak's default: no token of it can live for longer.
  const oldest = Date.parse(now) - 10 * 3_600_000;
  const recent = silent.filter(({ disabledAt }) => Date.parse(disabledAt) > oldest);
  return recent.map(({ kid }) =>
    couldNotTell(realm, `no canary of retired kid ${kid} is left, so no instance could be asked about it`),
  );
}

type Answer = Question & { verdict: Verdict };

async function ask(
  instance: OpenInstance,
  questions: readonly Question[],
  { probe: settings }: KnownRealm,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const question of questions)
    answers.push({ ...question, verdict: await verdictOf(instance, settings, question.token) });
  return answers;
}

async function verdictOf(...[instance, settings, token]: Parameters<typeof probe>): Promise<Verdict> {
  try {
    return await probe(instance, settings, token);
  } catch (error) {
    return { kind: "inconclusive", reason: messageOf(error) };
  }
}

const wrongAnswers = {
  fresh: {
    when: "rejected",
    code: "INSTANCE_REJECTS_FRESH",
    what: "rejects a fresh token of kid",
    means: "its users are refused: it does not know the key that signs",
  },
  passive: {
    when: "rejected",
    code: "INSTANCE_REJECTS_PASSIVE",
    what: "rejects a token of the passive kid",
    means: "users who got their token before the rotation are refused",
  },
  retired: {
    when: "accepted",
    code: "INSTANCE_ACCEPTS_RETIRED",
    what: "ACCEPTS a token of the retired kid",
    means: "whoever has that key gets in there",
  },
} as const;

function judge(
  instance: Instance,
  answers: readonly Answer[],
  known: KnownRealm,
  mend: (instance: Instance) => string,
): Finding[] {
  const where = instance.target === undefined ? instance.name : `${instance.target}/${instance.name}`;
  const silent = answers.filter(({ verdict }) => verdict.kind === "inconclusive");
  const [first] = silent;
  const unasked = first
    ? [couldNotTell(known.realm, `${where} could not be asked: ${describeVerdict(first.verdict)}`)]
    : [];
  const wrong = answers.filter(({ kind, verdict }) => verdict.kind === wrongAnswers[kind].when);
  return [
    ...unasked,
    ...wrong.map(({ kind, kid }): Finding => {
      const { code, what, means } = wrongAnswers[kind];
      return {
        code,
        severity: "critical",
        realm: known.realm,
        what: `${where} ${what} ${kid}`,
        means,
        fix: mend(instance),
      };
    }),
  ];
}

/** Makes the command that mends one instance. */
async function mending(
  { refresh, targets }: KnownRealm,
  stack: string,
): Promise<(instance: Instance) => string> {
  const hasPods = targets.some(({ kind }) => kind === "kubernetes");
  const { context } = hasPods ? await kubernetesDefaults() : {};
  return ({ name, url, pod, target }) => {
    const where = targets.find((one) => one.name === target);
    if (pod) return `${kubectl(where, context)} --namespace ${pod.namespace} delete pod ${name}`;
    // The token by stdin: anybody on the machine may read the arguments of a process.
    const token = `pulumi stack output apiRefreshToken --show-secrets --stack ${stack}`;
    return `${token} | sed 's/^/Authorization: Bearer /' | curl --fail -X POST -H @- '${url}${refresh.path}'`;
  };
}

/** For the target's own cluster: pods of another may have the same names. */
function kubectl(target: Target | undefined, otherwise: string | undefined): string {
  const own = target?.kind === "kubernetes" ? target : undefined;
  const context = own?.context ?? otherwise;
  return [
    "kubectl",
    ...(own?.kubeconfig === undefined ? [] : ["--kubeconfig", own.kubeconfig]),
    ...(context === undefined ? [] : ["--context", context]),
  ].join(" ");
}
