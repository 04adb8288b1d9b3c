import { describeRelapses, isRelapsed } from "../../proof/relapse.ts";
import type { Evidence } from "../evidence-schema.ts";
import { isBefore, isWithin } from "./times.ts";

type Watch = NonNullable<Evidence["watch"]>;

/** Whether a retired key came back after the proof: such a run can't be verified, and its exposure window is open. */
export function hasRelapsed({ watch }: Pick<Evidence, "watch">): boolean {
  return watch !== undefined && isRelapsed(watch);
}

/** A timer may be early by this much, in milliseconds. */
const toleranceMs = 100;

/** Whether the watch after the proof is one, and all that it found is said. A problem has no full stop. */
export function checkWatch(evidence: Evidence, watch: Watch): string[] {
  const { verification, mode } = evidence;
  const isAfterProof = verification?.verified === true && !isBefore(watch.startedAt, verification.finishedAt);
  return [
    ...(mode === "emergency" ? [] : [`mode is ${mode}, but a watch is listed`]),
    ...(isAfterProof ? [] : ["a watch is listed, but no green verification before it"]),
    ...(isBefore(watch.finishedAt, watch.startedAt) ? ["the watch ended before it began"] : []),
    ...(hasRelapsed(evidence) ? relapseGaps(evidence, watch) : quietGaps(evidence, watch)),
  ];
}

function relapseGaps({ notProven, scope = [], phases }: Evidence, watch: Watch): string[] {
  const { relapses, jwks, cutShort } = watch;
  const lines = describeRelapses(watch).map((relapse) => `${relapse}.`);
  const isRed = phases.some(({ phase, outcome }) => phase === "watch" && outcome === "failed");
  return [
    ...(isRed ? [] : ["the watch lists a relapse, but phase watch has not failed"]),
    ...(cutShort ? ["the watch lists a relapse, and that it was cut short"] : []),
    ...lines
      .filter((line) => !notProven.includes(line) || scope.includes(line))
      .map((line) => `notProven does not list this relapse as a failure: ${line.replace(/\.$/, "")}`),
    ...[...relapses, ...jwks]
      .filter(({ at }) => !isWithin(at, watch))
      .map(({ at }) => `a relapse is listed at ${at}, when nobody was asked`),
  ];
}

function quietGaps({ notProven, phases }: Evidence, watch: Watch): string[] {
  const { seconds, cutShort, rounds, startedAt, finishedAt } = watch;
  const lastedMs = Date.parse(finishedAt) - Date.parse(startedAt);
  const isRed = phases.some(({ phase, outcome }) => phase === "watch" && outcome === "failed");
  return [
    ...(isRed ? ["phase watch has failed, but the watch lists no relapse"] : []),
    ...(cutShort && !notProven.some((line) => line.includes("was cut short"))
      ? ["notProven does not say that the watch was cut short"]
      : []),
    ...(!cutShort && lastedMs + toleranceMs < seconds * 1_000
      ? [`the watch of ${seconds} s lasted only ${lastedMs} ms, and is not marked as cut short`]
      : []),
    ...(!cutShort && rounds === 0 ? ["the watch has asked nobody, and is not marked as cut short"] : []),
  ];
}
