import { changed } from "../base/changed.ts";
import { listNames } from "../base/list-names.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { progressOf } from "../base/report.ts";
import { type AnnounceResult, announce } from "../enforce/announce.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import {
  adminOf,
  detailsOf,
  type FleetInputs,
  fleetOf,
  type LaterInputs,
  type Step,
  stepOf,
} from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

interface Details {
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. */
  jwksTimeoutMs: number;
}

export interface AnnouncementInputs extends FleetInputs<Details>, Pick<LaterInputs<object>, "before"> {
  /** Kids of the keys that are about to sign. */
  newKids: string[];
}

export interface AnnouncementOutputs extends Step {
  /** The keys that every instance has loaded. */
  announced: string[];
  /** Null where nothing had to be announced; left out, it would count as not known yet in every preview. */
  result: Packed<AnnounceResult> | null;
  record: PhaseRecord | null;
}

/** Whether a run has keys to announce: an emergency has no time, and a rollback none that are new. */
function isAnnounced({ mode, stage }: Pick<Step, "mode" | "stage">): boolean {
  return mode === "planned" && stage === "overlap";
}

/** Phase 4: have every instance know the new keys before they sign. */
export async function announcePhase(inputs: AnnouncementInputs): Promise<AnnouncementOutputs> {
  if (!isAnnounced(inputs)) return { ...stepOf(inputs), announced: [], result: null, record: null };
  const admin = await adminOf(inputs);
  const { run, jwksUris, jwksTimeoutMs } = detailsOf(inputs);
  const { newKids } = inputs;
  const { findings } = unpack(inputs.before);
  const { result, record } = await runPhase(run, "announce", findings, async () => {
    const request = { fleet: fleetOf(inputs), jwksUris, jwksTimeoutMs, newKids };
    const announced = await announce(admin, request, progressOf("announce", run));
    return { result: announced, summary: describeAnnounced(announced) };
  });
  return { ...stepOf(inputs), announced: newKids, result: pack(result), record };
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
  olds: Pick<AnnouncementOutputs, "announced">,
  news: Pick<AnnouncementInputs, "mode" | "stage" | "newKids">,
): boolean {
  const isOther = changed({ kids: olds.announced }, { kids: news.newKids }, ["kids"]).length > 0;
  return isAnnounced(news) && isOther;
}
