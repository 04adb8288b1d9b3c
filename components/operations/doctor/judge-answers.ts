import { describeVerdict, type Verdict } from "../proof/probe.ts";
import type { AskedFleet } from "./ask-fleet.ts";
import type { Answer, AskedInstance } from "./ask-instance.ts";
import type { DoctorCode, Examined, Finding } from "./finding.ts";
import { nameOf, namesByReason, type Reasoned } from "./names-by-reason.ts";

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
