import { messageOf } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { progressOf } from "../base/report.ts";
import { type EnforceResult, enforce } from "../enforce/enforce.ts";
import type { EnforceRequest } from "../enforce/refresh-and-look.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import {
  expectedKids,
  type SettledJwks,
  settleEveryJwks,
  type VerifierUrls,
} from "../keys/jwks-read-back.ts";
import {
  adminOf,
  type Before,
  detailsOf,
  type FleetInputs,
  fleetOf,
  type LaterInputs,
  type Recorded,
  type Run,
  type Step,
  stepOf,
} from "./phase-request.ts";
import { newKidsOf, retiredKeysOf } from "./retired-keys.ts";
import { inProgress } from "./run-phase.ts";

export interface EnforcementInputs extends FleetInputs<VerifierUrls>, Pick<LaterInputs<object>, "before"> {
  /** Completion of the cut-over to enforce, ISO 8601 UTC: another one makes it run again. */
  after: string;
}

export interface EnforcementOutputs extends Step, Recorded {
  after: string;
  /** Secret, for the length of it. */
  result: Packed<Enforced>;
  /** Whether no instance is left that is known to need a refresh or a restart. */
  complete: boolean;
}

type Done = Pick<EnforceResult, "results" | "restarts"> & { complete: boolean } & Recorded;

interface Enforced extends Pick<EnforceResult, "results" | "restarts"> {
  /** What became of the JWKS URLs that the cut-over did not wait for. */
  jwks?: SettledJwks;
}

/**
 * Phase 7: refresh every instance, and restart what can't be refreshed. An instance that can't be brought to it is a
 * result; the verification decides.
 */
export async function enforcePhase(inputs: EnforcementInputs): Promise<EnforcementOutputs> {
  const { run, jwksUris, jwksTimeoutMs } = detailsOf(inputs);
  const { after } = inputs;
  const before = unpack(inputs.before);
  const retired = retiredKeysOf(before, after);
  const request = { run, fleet: fleetOf(inputs), newKids: newKidsOf(before), retired };
  const verifiers = { jwksUris, ...(jwksTimeoutMs === undefined ? {} : { jwksTimeoutMs }) };
  const [done, jwks] = await Promise.all([
    inProgress(run, "enforce", () => enforceAll(request)),
    inputs.mode === "emergency" ? settleJwks(inputs, verifiers, before) : undefined,
  ]);
  const { record, complete, results, restarts } = done;
  const result = { results, restarts, ...(jwks ? { jwks } : {}) };
  const isComplete = complete && (jwks?.problems ?? []).length === 0;
  return { ...stepOf(inputs), after, result: pack(result), complete: isComplete, record };
}

/** The cut-over of an emergency waits only for the first good read; the other reads run while instances are refreshed. */
async function settleJwks(
  inputs: EnforcementInputs,
  verifiers: VerifierUrls,
  { findings }: Before,
): Promise<SettledJwks> {
  const { run } = detailsOf(inputs);
  const expected = expectedKids(findings.cutover?.keysAfter ?? []);
  try {
    return await settleEveryJwks(await adminOf(inputs), verifiers, expected, progressOf("enforce", run));
  } catch (error) {
    return { readBack: [], problems: [messageOf(error)] };
  }
}

async function enforceAll(request: EnforceRequest & Run): Promise<Done> {
  const startedAt = new Date().toISOString();
  const say = progressOf("enforce", request.run);
  const { results, restarts, failures, open } = await enforce(request, say);
  const failed = results.filter(({ outcome }) => outcome === "failed");
  const done = restarts.filter(({ outcome }) => outcome === "done").map(({ subject }) => subject);
  for (const { instance, reason, attempts } of failed.slice(0, 20)) {
    say(`${instance} was not refreshed after ${attempts} attempts: ${reason}`);
  }
  for (const failure of failures) say(failure);
  const names = listNames(failed.map(({ instance }) => instance));
  const unrefreshed = failed.length > 0 ? `; ${names} did not` : "";
  const summary = [
    `${results.length - failed.length} of ${results.length} instances reported a refresh${unrefreshed}`,
    ...(done.length > 0 ? [`restarted ${listNames(done)}`] : []),
    ...(open.length > 0 ? [listNames(open)] : []),
    ...failures,
  ].join("; ");
  // Where no key was retired, nothing that an instance may keep is wrong.
  const complete = failures.length + (request.retired.keys.length > 0 ? open.length : 0) === 0;
  const record: PhaseRecord = {
    phase: "enforce",
    outcome: complete ? "done" : "failed",
    startedAt,
    finishedAt: new Date().toISOString(),
    summary,
  };
  return { results, restarts, complete, record };
}

/** Whether there is a cut-over that was not enforced on every instance. */
export function isEnforcementDue(
  olds: Pick<EnforcementOutputs, "after" | "complete">,
  news: Pick<EnforcementInputs, "after">,
): boolean {
  return olds.after !== news.after || olds.complete !== true;
}
