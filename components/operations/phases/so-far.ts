import { unpack } from "../base/packed.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { EmergencyFindings, Findings, WholeFindings } from "../evidence/findings.ts";
import type { PublishedKey } from "../keys/publish-key.ts";
import type { AnnouncementOutputs } from "./announce.ts";
import type { CanaryOutputs } from "./canary.ts";
import type { CutoverOutputs } from "./cut-over.ts";
import type { EnforcementOutputs } from "./enforce.ts";
import type { Before } from "./phase-request.ts";
import type { VerificationOutputs } from "./verify.ts";
import type { WatchOutputs } from "./watch.ts";

/** What each phase has given so far, as the state has it. */
export interface GivenSoFar {
  canary: Pick<CanaryOutputs, "canary" | "record">;
  keys: (PublishedKey & { record: PhaseRecord })[];
  announcement?: Pick<AnnouncementOutputs, "announced" | "result" | "record">;
  cutover?: Pick<CutoverOutputs, "result" | "controlTokens" | "record">;
  enforcement?: Pick<EnforcementOutputs, "result" | "record">;
}

/** What is known after these phases. Pure. */
export function knownSoFar({ canary, keys, announcement, cutover, enforcement }: GivenSoFar): Before {
  const { tokens, findings } = unpack(canary.canary);
  const published = keys.map(({ record: _record, ...key }) => key);
  const announced = currentAnnouncement(announcement, published);
  const records = [
    canary.record,
    ...keys.map(({ record }) => record),
    announced?.record,
    cutover?.record,
    enforcement?.record,
  ];
  const known: Findings = {
    phases: records.filter((record) => record !== undefined),
    prepared: { canary: findings, published, ...(announced ? { announced: announced.result } : {}) },
    ...(cutover ? { cutover: unpack(cutover.result) } : {}),
    ...(enforcement ? { enforced: enforcedBy(enforcement) } : {}),
  };
  const controlTokens = cutover?.controlTokens ? unpack(cutover.controlTokens) : {};
  return { findings: known, canaryTokens: tokens, controlTokens };
}

/** An emergency announces nothing: what is there then is of an earlier rotation, for other keys. */
function currentAnnouncement(
  { announced = [], result, record }: Partial<AnnouncementOutputs> = {},
  published: readonly PublishedKey[],
) {
  if (!result || !record || !published.every(({ kid }) => announced.includes(kid))) return undefined;
  return { result: unpack(result), record };
}

function enforcedBy({ result }: Pick<EnforcementOutputs, "result">) {
  const { results: refresh, restarts } = unpack(result);
  return { refresh, restarts };
}

/** What an emergency did in addition to rotating the signing keys. */
export interface EmergencySoFar {
  findings: EmergencyFindings;
  records: PhaseRecord[];
}

/**
 * What a complete run has found. Pure.
 *
 * @param watch the last one: it counts only where it followed this very verification. Default: none
 */
export function allFindings(
  before: Before,
  { found, record, verifiedAt }: Pick<VerificationOutputs, "found" | "record" | "verifiedAt">,
  emergency: EmergencySoFar,
  watch?: Pick<WatchOutputs, "watchedAfter" | "result" | "record">,
): WholeFindings {
  const watched = watch?.watchedAfter === verifiedAt ? watch : undefined;
  const { phases, cutover, ...findings } = before.findings as WholeFindings;
  const { result: verification, attempts, jwksReadBack } = unpack(found);
  return {
    ...findings,
    cutover: { ...cutover, ...(jwksReadBack ? { jwksReadBack } : {}) },
    phases: [...phases, ...emergency.records, record, ...(watched?.record ? [watched.record] : [])],
    emergency: emergency.findings,
    proof: { verification, attempts },
    ...(watched?.result ? { watch: unpack(watched.result) } : {}),
  };
}
