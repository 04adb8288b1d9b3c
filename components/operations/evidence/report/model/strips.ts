import type { Evidence } from "../../evidence-schema.ts";
import { type Call, refreshesOf, restartsOf } from "./lanes.ts";
import type { Strip, Timeline } from "./timeline.ts";

/** How many instances were refreshed, restarted and proven when. What failed is never counted with what went well. */
export function strips(evidence: Evidence): Timeline["instances"] {
  const instances = evidence.verification?.instances ?? [];
  const names = new Set(instances.map(({ instance }) => instance));
  const refreshes = refreshesOf(evidence);
  const restarts = restartsOf(evidence).filter(({ subject }) => names.has(subject));
  const proofs = instances.flatMap(({ verified, provenAt }) =>
    verified && provenAt ? [Date.parse(provenAt)] : [],
  );
  const all: Strip[] = [
    { kind: "refresh", isFailed: false, name: "reported a refresh", times: ends(refreshes, "claimed") },
    { kind: "refresh", isFailed: true, name: "refreshes failed", times: ends(refreshes, "failed") },
    { kind: "restart", isFailed: false, name: "restarted", times: ends(restarts, "done") },
    { kind: "restart", isFailed: true, name: "restarts failed", times: ends(restarts, "failed") },
    { kind: "proof", isFailed: false, name: "proven", times: proofs },
  ];
  const unproven = instances.filter(({ verified }) => !verified).length;
  return {
    kind: "strips",
    strips: all.filter(({ times }) => times.length > 0),
    ...(unproven > 0 ? { unproven: `${unproven} not proven` } : {}),
  };
}

function ends(calls: readonly Call[], outcome: Call["outcome"]): number[] {
  return calls.filter((call) => call.outcome === outcome).map(({ finishedAt }) => Date.parse(finishedAt));
}
