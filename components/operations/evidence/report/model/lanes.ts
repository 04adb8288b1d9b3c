import type { Evidence } from "../../evidence-schema.ts";
import type { Instance } from "./instances.ts";
import { nameOf, seconds } from "./text.ts";
import type { Bar, Lane } from "./timeline.ts";

export type Call = Evidence["refresh"][number] | Evidence["restarts"][number];

/** Before the new keys signed, and after. */
export function refreshesOf({ announced, refresh }: Evidence): Evidence["refresh"] {
  return [...(announced?.refresh ?? []), ...refresh];
}

/** Before the new keys signed, and after. */
export function restartsOf({ announced, restarts }: Evidence): Evidence["restarts"] {
  return [...(announced?.restarts ?? []), ...restarts];
}

export function phaseLanes({ phases }: Evidence): Lane[] {
  return phases.map(({ phase, outcome, startedAt, finishedAt }) => {
    const [from, to] = [Date.parse(startedAt), Date.parse(finishedAt)];
    const hint = `${phase}: ${outcome}, ${seconds(to - from)}`;
    return { name: phase, bars: [{ kind: "phase", outcome, from, to, hint }] };
  });
}

export function workloadLanes(evidence: Evidence): Lane[] {
  const instances = new Set(evidence.verification?.instances.map(({ instance }) => instance));
  const lanes = new Map<string, Bar[]>();
  for (const restart of restartsOf(evidence)) {
    if (instances.has(restart.subject)) continue;
    const name = nameOf({ target: restart.target, instance: restart.subject });
    lanes.set(name, [...(lanes.get(name) ?? []), barOf(restart, "restart", name)]);
  }
  return [...lanes].map(([name, bars]) => ({ name, bars }));
}

export function instanceLanes(evidence: Evidence): Lane[] {
  const [refreshes, restarts] = [refreshesOf(evidence), restartsOf(evidence)];
  return (evidence.verification?.instances ?? []).map((one) => {
    const name = nameOf(one);
    const { verified, provenAt, startup, reasons } = one;
    return {
      name,
      bars: [
        ...refreshes.filter((call) => isOf(call, one)).map((call) => barOf(call, "refresh", name)),
        ...restarts
          .filter(({ subject }) => subject === one.instance)
          .map((call) => barOf(call, "restart", name)),
      ],
      ...(startup
        ? { start: { at: Date.parse(startup.startedAt), hint: `started ${startup.startedAt}` } }
        : {}),
      ...(verified && provenAt ? { proof: { at: Date.parse(provenAt), hint: `proven ${provenAt}` } } : {}),
      ...(verified ? {} : { unproven: `not proven: ${reasons.join("; ")}` }),
    };
  });
}

function isOf(call: Evidence["refresh"][number], { uid, target, instance }: Instance): boolean {
  return uid ? call.uid === uid : call.instance === instance && call.target === target;
}

function barOf({ outcome, startedAt, finishedAt }: Call, kind: "refresh" | "restart", name: string): Bar {
  return {
    kind,
    outcome,
    from: Date.parse(startedAt),
    to: Date.parse(finishedAt),
    hint: `${kind} of ${name}: ${outcome}, ${startedAt} to ${finishedAt}`,
  };
}
