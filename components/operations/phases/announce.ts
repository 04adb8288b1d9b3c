import { changed } from "../base/changed.ts";
import { listNames } from "../base/list-names.ts";
import { progressOf } from "../base/report.ts";
import type { RunContext } from "../base/run-context.ts";
import { type AnnounceRequest, type AnnounceResult, announce } from "../enforce/announce.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { type AfterOthers, adminOf, fleetOf, type Run } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

export type AnnouncePhaseRequest = AfterOthers & Fleet & Omit<AnnounceRequest, "fleet">;

export interface AnnounceOutputs {
  /** The keys that every instance has been told of. */
  announced: string[];
  /** Null where nobody had to be told; left out, it would count as not known yet in every preview. */
  result: AnnounceResult | null;
  record: PhaseRecord | null;
}

/** Whether a run has keys to announce: an emergency has no time, and a rollback none that are new. */
function isAnnounced({ mode, stage }: Pick<RunContext, "mode" | "stage">): boolean {
  return mode === "planned" && stage === "overlap";
}

/** Phase 4: have every instance know the new keys before they sign. */
export async function announcePhase(request: AnnouncePhaseRequest): Promise<AnnounceOutputs> {
  if (!isAnnounced(request.run)) return { announced: [], result: null, record: null };
  const admin = await adminOf(request);
  const { result, record } = await runPhase(request.run, "announce", request.before, async () => {
    const { run, newKids, jwksUris, jwksTimeoutMs } = request;
    const verifiers = { jwksUris, ...(jwksTimeoutMs === undefined ? {} : { jwksTimeoutMs }) };
    const asked = { fleet: fleetOf(request), newKids, ...verifiers };
    const announced = await announce(admin, asked, progressOf("announce", run));
    return { result: announced, summary: describeAnnounced(announced) };
  });
  return { announced: request.newKids, result, record };
}

function describeAnnounced({ known, unproven, restarts }: AnnounceResult): string {
  const done = restarts.filter(({ outcome }) => outcome === "done").map(({ subject }) => subject);
  return [
    `${known.length} of ${known.length + unproven.length} instances show that they know the new keys`,
    ...(unproven.length > 0
      ? [`${listNames(unproven)} reported a refresh but not of which keys, so that is not proven`]
      : []),
    ...(done.length > 0 ? [`restarted ${listNames(done)}`] : []),
  ].join("; ");
}

/** Whether there are keys to announce that were not announced before. */
export function isAnnouncementDue(
  olds: Pick<AnnounceOutputs, "announced">,
  news: Run & Pick<AnnouncePhaseRequest, "newKids">,
): boolean {
  const isOther = changed({ kids: olds.announced }, { kids: news.newKids }, ["kids"]).length > 0;
  return isAnnounced(news.run) && isOther;
}
