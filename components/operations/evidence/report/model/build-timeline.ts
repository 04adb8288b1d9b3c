import { describeDuration } from "../../../base/durations.ts";
import type { Evidence } from "../../evidence-schema.ts";
import { describeWindow } from "./facts.ts";
import { instanceLanes, phaseLanes, refreshesOf, restartsOf, workloadLanes } from "./lanes.ts";
import { strips } from "./strips.ts";
import type { Timeline, TimelineWindow } from "./timeline.ts";

/** Beyond it, a lane for each instance would be a page of its own. */
const maxLanes = 50;

type Ends = Pick<Timeline, "from" | "to">;

/** Undefined where nothing happened. */
export function timelineOf(evidence: Evidence): Timeline | undefined {
  const ends = endsOf(evidence);
  if (!ends) return undefined;
  const { phases, verification } = evidence;
  const window = windowOf(evidence, ends);
  const isCrowded = (verification?.instances.length ?? 0) > maxLanes;
  return {
    ...ends,
    title: `${phases.length} phases in ${describeDuration(ends.to - ends.from)}, exposure window: ${describeWindow(evidence)}`,
    ...(window ? { window } : {}),
    phases: phaseLanes(evidence),
    workloads: workloadLanes(evidence),
    instances: isCrowded ? strips(evidence) : { kind: "lanes", lanes: instanceLanes(evidence) },
  };
}

/** From the first thing that happened to the last. */
function endsOf(evidence: Evidence): Ends | undefined {
  const { phases, verification, exposureWindow: window } = evidence;
  const spans = [
    ...phases,
    ...refreshesOf(evidence),
    ...restartsOf(evidence),
    ...(verification ? [verification] : []),
    ...(window ? [{ startedAt: window.from, finishedAt: window.to }] : []),
  ];
  if (spans.length === 0) return undefined;
  const from = spans.reduce((first, { startedAt }) => Math.min(first, Date.parse(startedAt)), Infinity);
  const to = spans.reduce((last, { finishedAt }) => Math.max(last, Date.parse(finishedAt)), from + 1);
  return { from, to };
}

function windowOf(evidence: Evidence, ends: Ends): TimelineWindow | undefined {
  const { exposureWindow: window, retired } = evidence;
  const from = window?.from ?? retired.map(({ disabledAt }) => disabledAt).toSorted()[0];
  if (from === undefined) return undefined;
  return {
    from: Date.parse(from),
    to: window ? Date.parse(window.to) : ends.to,
    isOpen: window === undefined,
    text: `exposure window: ${describeWindow(evidence)}`,
  };
}
