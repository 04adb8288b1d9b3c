import { type Check, isUnanswered } from "./check.ts";
import { whereDivided } from "./spread.ts";

/**
 * A phrase, starting with a verb, for each check that failed: one for both canary tokens of a key where both had the same
 * answer, and one for everything that was not answered. Pure.
 */
export function describeFailures(checks: readonly Check[]): string[] {
  const silent = checks.find(isUnanswered);
  const failures = checks.filter(
    (check) => !check.ok && check.verdict !== silent?.verdict && !isSaidByFresh(check, checks),
  );
  const phrases = Map.groupBy(failures, describeFailure);
  return [
    ...[...phrases].map(
      ([phrase, alike]) => `${phrase}${inBrackets(whichCanaries(alike), whichProcesses(alike))}`,
    ),
    ...(silent ? [describeSilence(silent)] : []),
  ];
}

/** An instance that refuses a fresh token of a key refuses its control token for the same reason. */
function isSaidByFresh({ check, subject }: Check, checks: readonly Check[]): boolean {
  return (
    check === "control" && checks.some((one) => one.check === "fresh" && one.subject === subject && !one.ok)
  );
}

function inBrackets(...details: readonly string[]): string {
  const given = details.filter((detail) => detail !== "");
  return given.length > 0 ? ` (${given.join("; ")})` : "";
}

function whichCanaries(alike: readonly Check[]): string {
  const canaries = alike.flatMap(({ canary }) => canary ?? []);
  if (canaries.length === 0) return "";
  return `its ${canaries.join(" and ")} canary ${canaries.length > 1 ? "tokens" : "token"}`;
}

/** The numbers of the first: where both canary tokens of a key are taken, those of the two hardly differ. */
function whichProcesses(alike: readonly Check[]): string {
  return alike.map(whereDivided).find((which) => which !== "") ?? "";
}

function describeSilence(silent: Check): string {
  const reason = silent.verdict.kind === "inconclusive" ? silent.verdict.reason : "";
  return `does not answer: ${reason}${inBrackets(whichProcesses([silent]))}`;
}

function describeFailure({ check, subject, verdict }: Check): string {
  const token =
    check === "forged" || check === "fresh" || check === "control"
      ? `the ${check} token (${subject})`
      : `a token of ${check} kid ${subject}`;
  switch (verdict.kind) {
    case "accepted":
      if (check === "earlier") return `still accepts kid ${subject}, which an earlier rotation retired`;
      return check === "retired" ? `still accepts kid ${subject}` : `accepts ${token}`;
    case "rejected":
      return `rejects ${token} with ${verdict.status}`;
    case "inconclusive":
      return `gives no verdict on ${token}: ${verdict.reason}`;
    default:
      return verdict satisfies never;
  }
}
