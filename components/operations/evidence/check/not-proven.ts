import type { Evidence } from "../evidence-schema.ts";
import { describeAcknowledged } from "../not-proven.ts";

/** What was not proven must be listed, and as what it is: else the bundle would look better than it is. */
export function checkNotProven(evidence: Evidence): string[] {
  return [...missingLines(evidence), ...checkScope(evidence)];
}

function missingLines({ verification, notProven, scope = [] }: Evidence): string[] {
  if (!verification)
    return notProven.some(isNothingVerified) ? [] : ["notProven does not say that nothing was verified"];
  const listed = new Set(notProven);
  const missing = verification.failures.filter((failure) => !listed.has(`${failure}.`));
  const isWeak = verification.instances.some(({ proof }) => proof === "restarted");
  return [
    ...(verification.acknowledged ?? [])
      .map(describeAcknowledged)
      .filter((line) => !listed.has(line) || scope.includes(line))
      .map((line) => `notProven does not list as a failure: ${line.replace(/\.$/, "")}`),
    ...missing.map((failure) => `notProven does not list this failure: ${failure}`),
    ...(isWeak && !notProven.some((line) => line.includes("proof level restarted"))
      ? ["notProven does not say that some instances have the weaker proof (restarted)"]
      : []),
  ];
}

/** The scope is shown calmly, so nothing that failed may be in it. */
function checkScope({ notProven, scope = [], verification, freeze }: Evidence): string[] {
  const failures = new Set([
    ...(verification?.failures ?? []).map((failure) => `${failure}.`),
    ...(freeze?.failures ?? []).map((failure) => `Not frozen: ${failure}.`),
  ]);
  const isFailure = (line: string) =>
    failures.has(line) || isNothingVerified(line) || line.startsWith("There were too many sessions");
  return [
    ...scope.filter(isFailure).map((line) => `scope lists a failure: ${line.replace(/\.$/, "")}`),
    ...scope
      .filter((line) => !notProven.includes(line))
      .map((line) => `scope lists what notProven does not: ${line.replace(/\.$/, "")}`),
  ];
}

function isNothingVerified(line: string): boolean {
  return line.startsWith("Nothing was verified");
}
