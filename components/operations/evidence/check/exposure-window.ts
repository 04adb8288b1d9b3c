import { isDeepStrictEqual } from "node:util";
import type { Evidence } from "../evidence-schema.ts";
import { hasRelapsed } from "./watch.ts";

/** Whether the exposure window follows from when the keys were disabled and the instances proven. */
export function checkExposureWindow(evidence: Evidence): string[] {
  const { exposureWindow: given } = evidence;
  // What came back is open again.
  const computed = hasRelapsed(evidence) ? undefined : computeWindow(evidence);
  if (isDeepStrictEqual(computed, given)) return [];
  return [`the exposure window is given as ${describe(given)}, but the times make it ${describe(computed)}`];
}

/** Computed by its own code, not by the one that wrote it: from the first key's disabling to the last proof. */
function computeWindow({ retired, verification }: Evidence): Evidence["exposureWindow"] {
  const proofs = verification?.instances.filter(({ proof }) => proof === "replayed" || proof === "restarted");
  const isWhole = proofs?.length === verification?.instances.length && verification?.unseen.length === 0;
  // When somebody else has disabled a key is not known.
  const ours = retired.filter(({ how = "rotation" }) => how === "rotation" || how === "kill");
  const first = earliestFirst(ours.map(({ disabledAt }) => disabledAt))[0];
  const last = earliestFirst(proofs?.flatMap(({ provenAt }) => provenAt ?? []) ?? []).at(-1);
  if (!isWhole || first === undefined || last === undefined) return undefined;
  const ms = Math.max(0, Date.parse(last) - Date.parse(first));
  return { from: first, to: last, ms, exact: ours.every(({ disabledAtIsExact }) => disabledAtIsExact) };
}

function earliestFirst(times: readonly string[]): string[] {
  return times.toSorted((a, b) => Date.parse(a) - Date.parse(b));
}

function describe(window: Evidence["exposureWindow"]): string {
  if (!window) return "open, or none";
  return `${window.exact ? "" : "at most "}${window.ms} ms, ${window.from} to ${window.to}`;
}
