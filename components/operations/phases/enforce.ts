import { listNames } from "../base/list-names.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { progressOf } from "../base/report.ts";
import { forgersKey } from "../canaries/forged-tokens.ts";
import { type EnforceResult, enforce } from "../enforce/enforce.ts";
import type { EnforceRequest } from "../enforce/refresh-and-look.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { Acknowledgement } from "../proof/acknowledgement.ts";
import type { RetiredKeys } from "../proof/retired-keys.ts";
import {
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

export interface EnforcementInputs
  extends FleetInputs<{ acknowledge?: Acknowledgement[] }>,
    Pick<LaterInputs<object>, "before"> {
  /** Completion of the cut-over to enforce, ISO 8601 UTC: another one makes it run again. */
  after: string;
}

export interface EnforcementOutputs extends Step, Recorded {
  after: string;
  /** Secret, for the length of it. */
  result: Packed<Pick<EnforceResult, "results" | "restarts">>;
  /** Whether no instance is left that is known to need a refresh or a restart. */
  complete: boolean;
}

type Done = Pick<EnforceResult, "results" | "restarts"> & { complete: boolean } & Recorded;

/**
 * Phase 7: refresh every instance, and restart what can't be refreshed. An instance that can't be brought to it is a
 * result; the verification decides.
 */
export async function enforcePhase(inputs: EnforcementInputs): Promise<EnforcementOutputs> {
  const { run, acknowledge = [] } = detailsOf(inputs);
  const { after } = inputs;
  const before = unpack(inputs.before);
  const retired = withoutKids(retiredKeysOf(before, after), acknowledge);
  const request = { run, fleet: fleetOf(inputs), newKids: newKidsOf(before), retired };
  // For the verification, which is part of the exposure window.
  for (const { algorithm } of before.findings.cutover?.signers ?? []) forgersKey(algorithm);
  const { record, complete, results, restarts } = await inProgress(run, "enforce", () => enforceAll(request));
  return { ...stepOf(inputs), after, result: pack({ results, restarts }), complete, record };
}

/** Nothing is restarted for a key that the config closes by name. */
function withoutKids(retired: RetiredKeys, closed: readonly { kid: string }[]): RetiredKeys {
  return { ...retired, keys: retired.keys.filter(({ kid }) => !closed.some((one) => one.kid === kid)) };
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
