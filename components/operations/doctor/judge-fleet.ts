import { listNames } from "../base/list-names.ts";
import { type Instance, targetNameOf } from "../fleet/instances.ts";
import type { RestartSettings } from "../fleet/restart.ts";
import { emptyTargets } from "../fleet/sweep.ts";
import { describeTarget, type Target } from "../fleet/targets.ts";
import { describeVerdict, type Verdict } from "../proof/probe.ts";
import type { Answer, AskedFleet, AskedInstance } from "./ask-fleet.ts";
import { type DoctorCode, type Examined, type Finding, findingOf } from "./finding.ts";
import { namesByReason, type Reasoned } from "./names-by-reason.ts";

/**
 * Which targets and pods there are. Pure.
 *
 * @param closed targets of which it is known already that nobody gets in
 */
export function judgeTargets(
  realm: string,
  targets: readonly Target[],
  asked: AskedFleet,
  closed: readonly string[],
): Examined {
  const { results, waiting, failures } = asked;
  const found = [...results.map(({ instance }) => instance), ...waiting];
  const emergency = "the key is disabled regardless, but what was not asked is unproven: the run ends red";
  const findings = [
    ...failures
      .filter(({ target }) => !closed.includes(target))
      .map(({ error }) => findingOf(error, { realm, severity: "problem", emergency })),
    ...emptyTargets(targets, found, failures).map(
      (target): Finding => ({
        code: "NO_INSTANCES",
        severity: "problem",
        realm,
        what: `target ${describeTarget(target)} has no instance`,
        emergency,
        next: "fix its namespace and selector, scale it up, or remove it from targets",
      }),
    ),
    ...(waiting.length > 0 ? [notReady(realm, waiting)] : []),
  ];
  const counts = targets.map(({ name }) => {
    const own = found.filter((instance) => targetNameOf(instance) === name).length;
    return `${name}: ${own}`;
  });
  return { check: "targets", realm, seen: `instances in ${listNames(counts, 8)}`, findings };
}

function notReady(realm: string, waiting: readonly Instance[]): Finding {
  const names = waiting.map(({ name, notReady }) => ({ name, reason: notReady ?? "not ready" }));
  return {
    code: "INSTANCE_NOT_READY",
    severity: "problem",
    realm,
    what: `${waiting.length} pods are not ready: ${namesByReason(names)}`,
    emergency:
      "they can't be asked before the key is disabled; the run waits for them at the end, and is red if they don't get ready",
    next: "find out why they are not ready, or scale them down",
  };
}

/** What the instances said to the tokens. Pure. */
export function judgeAnswers(realm: string, asked: AskedFleet, hasTokens: boolean): Examined {
  const all = asked.results.map(({ value }) => value);
  const check = "tokens on instances" as const;
  if (!hasTokens || all.length === 0) {
    const what = hasTokens ? "there was no instance to ask" : "there was no token to ask the instances about";
    const next = "fix what is listed for realm, tokens or targets, then run this check again";
    const emergency = "it is not known whether the instances can be proven";
    return {
      check,
      realm,
      seen: what,
      findings: [{ code: "NOT_CHECKED", severity: "unknown", realm, what, emergency, next }],
    };
  }
  const findings = kinds.flatMap((kind) => {
    const concerned = all.flatMap((one) => reasonOf(one, kind));
    return concerned.length === 0 ? [] : [kind.finding(realm, concerned, all.length)];
  });
  const sound = all.filter((one) => kinds.every((kind) => reasonOf(one, kind).length === 0)).length;
  const seen = `${sound} of ${all.length} accept a good token and refuse a forged and an expired one`;
  return { check, realm, seen, findings };
}

interface Kind {
  matches: (answer: Answer) => boolean;
  finding: (realm: string, concerned: readonly Reasoned[], count: number) => Finding;
}

function reasonOf(asked: AskedInstance, { matches }: Kind): Reasoned[] {
  const [first] = asked.answers.filter(matches);
  if (!first) return [];
  const { verdict } = first;
  const name = nameOf(asked);
  return [{ name, reason: verdict.kind === "inconclusive" ? verdict.reason : describeVerdict(verdict) }];
}

function isUnanswered(verdict: Verdict): boolean {
  return verdict.kind === "inconclusive" && verdict.unanswered === true;
}

function problem(code: DoctorCode, did: string, emergency: string, next: string): Kind["finding"] {
  return (realm, concerned, count) => ({
    code,
    severity: "problem",
    realm,
    what: `${concerned.length} of ${count} instances ${did}: ${namesByReason(concerned)}`,
    emergency,
    next,
  });
}

export function nameOf({ instance, target }: Pick<AskedInstance, "instance" | "target">): string {
  return target === undefined ? instance : `${target}/${instance}`;
}

const kinds: readonly Kind[] = [
  {
    matches: ({ verdict }) => isUnanswered(verdict),
    finding: problem(
      "INSTANCE_SILENT",
      "do not answer",
      "the key is disabled regardless, after emergency.budgetSeconds at the latest; these instances are unproven, and the run ends red unless it can restart them",
      "repair or stop them, or remove them from targets",
    ),
  },
  {
    matches: ({ verdict }) => verdict.kind === "inconclusive" && !isUnanswered(verdict),
    finding: problem(
      "INSTANCE_UNCLEAR",
      "give no verdict on a token",
      "only the statuses in probe.acceptedStatuses and probe.rejectedStatuses are verdicts: these instances stay unproven, and the run ends red",
      "set probe.path and its statuses to what the API answers, or repair the instances",
    ),
  },
  {
    matches: ({ token, verdict }) => token === "good" && verdict.kind === "rejected",
    finding: problem(
      "GOOD_TOKEN_REJECTED",
      "reject a good token",
      "the key is disabled regardless, but that they reject a dead key's token would prove nothing: the run ends red",
      "set probe.audience, probe.realmRoles and probe.path to what the API requires of a token",
    ),
  },
  {
    matches: ({ token, verdict }) => token === "forged" && verdict.kind === "accepted",
    finding: problem(
      "FORGED_TOKEN_ACCEPTED",
      "accept a forged token (known kid, wrong signature)",
      "no answer of theirs proves anything: the run ends red. ANYBODY can make such a token now",
      "set probe.path to a path that checks tokens; if it does, the API does not verify signatures: repair that first",
    ),
  },
  {
    matches: ({ token, verdict }) => token === "expired" && verdict.kind === "accepted",
    finding: problem(
      "EXPIRED_TOKEN_ACCEPTED",
      "accept an expired token, after probe.clockSkewSeconds too",
      "the verification asks about one, and the run ends red",
      "have the API check exp, or set probe.clockSkewSeconds to what it tolerates",
    ),
  },
];

export interface RefreshContext {
  targets: readonly Target[];
  restart: RestartSettings;
  /** Whether there is an API refresh token to call them with. */
  hasApiRefreshToken: boolean;
}

/** Whether the instances fetched today's keys when they were told to. Pure. */
export function judgeRefreshes(
  realm: string,
  asked: AskedFleet,
  { targets, restart, hasApiRefreshToken }: RefreshContext,
): Examined {
  const check = "refresh" as const;
  if (restart.strategy === "restart")
    return { check, realm, seen: "not used: the strategy is restart", skipped: true, findings: [] };
  if (!hasApiRefreshToken) {
    const findings = [apiRefreshTokenUnknown(realm)];
    return { check, realm, seen: "not called: there is no API refresh token", findings };
  }
  const called = asked.results.flatMap(({ value }) => (value.refresh ? [value] : []));
  const failed = called.filter(({ refresh }) => refresh?.outcome !== "done");
  const isRestarted = (one: AskedInstance) => {
    const target = targets.find(({ name }) => name === targetNameOf(one));
    return target !== undefined && mayRestart(target, restart);
  };
  const [restarted, lost] = [failed.filter(isRestarted), failed.filter((one) => !isRestarted(one))];
  const seen = `${called.length - failed.length} of ${called.length} have refreshed to today's keys`;
  return {
    check,
    realm,
    seen,
    findings: [
      ...refreshFailed(realm, lost, called.length, "problem"),
      ...refreshFailed(realm, restarted, called.length, "warning"),
    ],
  };
}

/** Whether a run has a way to restart the instances of a target. */
function mayRestart(target: Target, { strategy, command }: RestartSettings): boolean {
  if (strategy === "refresh") return false;
  return target.kind === "kubernetes" ? target.workloads.length > 0 : command.length > 0;
}

function apiRefreshTokenUnknown(realm: string): Finding {
  return {
    code: "API_REFRESH_TOKEN_UNKNOWN",
    severity: "problem",
    realm,
    what: "the API refresh token is neither in the config, nor in the state, nor in INTERNAL_JWKS_REFRESH_TOKEN",
    emergency:
      "the update generates one, or takes that of an adopted Secret; instances that have another refuse every refresh, freeze and deny-list call",
    next: "set apiRefreshToken to what the instances have, or run pulumi up once and give them what it generates",
  };
}

function refreshFailed(
  realm: string,
  failed: readonly AskedInstance[],
  count: number,
  severity: "problem" | "warning",
): Finding[] {
  if (failed.length === 0) return [];
  const names = failed.map((one) => ({ name: nameOf(one), reason: one.refresh?.reason ?? "no reason" }));
  const emergency =
    severity === "warning"
      ? "the run restarts them instead, which takes minutes in which they still accept the stolen key"
      : "they go on accepting the stolen key until their cache expires or they are restarted by hand; the run ends red";
  return [
    {
      code: "REFRESH_FAILED",
      severity,
      realm,
      what: `${failed.length} of ${count} instances do not refresh: ${namesByReason(names)}`,
      emergency,
      next: "check refresh.path, INTERNAL_JWKS_REFRESH_TOKEN of these instances, and that they can fetch the JWKS",
    },
  ];
}
