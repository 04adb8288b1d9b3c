import { stepChanged } from "../base/changed.ts";
import { messageOf, RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { type Packed, pack } from "../base/packed.ts";
import { progressOf, report } from "../base/report.ts";
import { afterTheOthers, finished } from "../base/side-by-side.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { FreezeResult } from "../evidence/findings.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { type Freeze, freezeInstances } from "../fleet/freeze-instances.ts";
import { freezeKeycloak, refusesFreeze, thawKeycloak } from "../keycloak/freeze-keycloak.ts";
import { killStep } from "../keys/kill-marks.ts";
import { notifyStart } from "../notify/run-notices.ts";
import {
  adminOf,
  detailsOf,
  type FleetInputs,
  fleetOf,
  type Run,
  type Step,
  stepOf,
} from "./phase-request.ts";
import { inProgress } from "./run-phase.ts";

interface Details {
  /** Path of the instances' freeze operation. */
  freezePath: string;
  /** What `npm run kill` has done of this rotation. Default: nothing. */
  doneByKill?: string[];
}

export interface FreezeInputs extends FleetInputs<Details> {
  freeze: Freeze;
}

interface Frozen {
  /** ISO 8601 UTC; null where nothing was frozen. */
  frozenAt: string | null;
  /** The rotation that it was frozen for; null where nothing was. */
  frozenFor: number | null;
  /** Secret, for the length of it. */
  result: Packed<FreezeResult> | null;
  record: PhaseRecord | null;
}

/** With the inputs: who deletes the resource has to thaw what it has frozen. */
export type FreezeOutputs = FreezeInputs & Frozen;

type FreezeOrder = Pick<FreezeInputs, "rotation" | "realm" | "mode" | "stage" | "freeze">;
type FreezeRequest = Details & Run & { fleet: Fleet; freeze: Freeze };

function requestOf(inputs: FreezeInputs): FreezeRequest {
  const { run, freezePath, doneByKill = [] } = detailsOf(inputs);
  return { run, freezePath, doneByKill, fleet: fleetOf(inputs), freeze: inputs.freeze };
}

/** Whether a run freezes anything: only an emergency does. */
export function isFreezing({
  mode,
  freeze = "none",
}: Partial<Pick<FreezeOrder, "mode" | "freeze">>): boolean {
  return mode === "emergency" && (concernsApi(freeze) || concernsKeycloak(freeze));
}

/** Whether there is something to freeze that the run before has not frozen. */
export function isFreezeDue(order: FreezeOrder, previous: Partial<FreezeOrder>): boolean {
  if (!isFreezing(order)) return false;
  return stepChanged(previous, order) || previous.freeze !== order.freeze || !isFreezing(previous);
}

function concernsApi(freeze: Freeze): boolean {
  return freeze === "api" || freeze === "both";
}

function concernsKeycloak(freeze: Freeze): boolean {
  return freeze === "keycloak" || freeze === "both";
}

/** Phase 1: freeze. Never throws: what can't be frozen must not keep the stolen key alive. */
export async function freezePhase(inputs: FreezeInputs): Promise<FreezeOutputs> {
  const nothing = { ...inputs, frozenAt: null, frozenFor: null, result: null, record: null };
  if (!isFreezing(inputs)) return nothing;
  const request = requestOf(inputs);
  const { run } = request;
  if (request.doneByKill?.includes(killStep("freeze", inputs.freeze))) {
    report("freeze", "npm run kill has frozen for this rotation, and thawed after its proof", run);
    return nothing;
  }
  return { ...inputs, ...(await inProgress(run, "freeze", () => freezeAll(request))) };
}

async function freezeAll(request: FreezeRequest): Promise<Frozen> {
  notifyStart(request.run);
  const startedAt = new Date().toISOString();
  const [clients, api] = await Promise.all([freezeClients(request), freezeApi(request)]);
  const result = {
    clients: clients.clients,
    instances: api.instances,
    failures: [...clients.failures, ...api.failures],
  };
  const summary = describeFrozen(result);
  report("freeze", summary, request.run);
  const outcome = result.failures.length === 0 ? "done" : "failed";
  const finishedAt = new Date().toISOString();
  const record: PhaseRecord = { phase: "freeze", outcome, startedAt, finishedAt, summary };
  return { frozenAt: startedAt, frozenFor: request.run.rotation, result: pack(result), record };
}

async function freezeClients(request: FreezeRequest) {
  if (!concernsKeycloak(request.freeze)) return { clients: [], failures: [] };
  try {
    const admin = await adminOf(request.run);
    const lockOut = refusesFreeze(admin.connection, admin.realmName);
    if (lockOut) return { clients: [], failures: [lockOut] };
    const { clients } = await freezeKeycloak(admin, progressOf("freeze", request.run));
    return { clients, failures: [] };
  } catch (error) {
    return { clients: [], failures: [messageOf(error)] };
  }
}

async function freezeApi(request: FreezeRequest) {
  if (!concernsApi(request.freeze)) return { instances: [], failures: [] };
  try {
    return await setInstances(request, "freeze");
  } catch (error) {
    return { instances: [], failures: [messageOf(error)] };
  }
}

async function setInstances({ fleet, freezePath, run }: FreezeRequest, wanted: "freeze" | "thaw") {
  const { instances, failures } = await freezeInstances(fleet, freezePath, wanted, progressOf(wanted, run));
  const failed = instances.filter(({ outcome }) => outcome === "failed");
  return {
    instances,
    failures: [...failures, ...failed.map(({ instance, reason }) => `${instance}: ${reason}`)],
  };
}

function describeFrozen({ clients, instances, failures }: FreezeResult): string {
  const frozen = clients.filter(({ outcome }) => outcome === "frozen" || outcome === "already-frozen");
  const done = instances.filter(({ outcome }) => outcome === "done").length;
  const unsupported = instances.filter(({ outcome }) => outcome === "unsupported").map((one) => one.instance);
  return [
    ...(frozen.length > 0 ? [`${frozen.map(({ clientId }) => clientId).join(" and ")} disabled`] : []),
    ...(instances.length > 0 ? [`${done} of ${instances.length} instances frozen`] : []),
    ...(unsupported.length > 0 ? [`${listNames(unsupported)} can't be: no freeze operation`] : []),
    ...failures.map((failure) => `NOT FROZEN: ${failure}`),
  ].join("; ");
}

export interface ThawInputs extends FreezeInputs {
  /** When it was frozen last, ISO 8601 UTC; null where it never was. */
  frozenAt: string | null;
  /** When what was frozen was verified, ISO 8601 UTC; null where there is nothing to thaw after it. */
  verifiedAt: string | null;
}

export interface ThawOutputs extends Step, Pick<ThawInputs, "freeze" | "verifiedAt"> {
  /** The freeze that was undone, by its time. */
  thawed: string | null;
}

/**
 * Phase 10: restore what was frozen, exactly as it was.
 * @throws {RotationError} THAW_INCOMPLETE that names what is still frozen
 */
export async function thawPhase(inputs: ThawInputs): Promise<ThawOutputs> {
  const { frozenAt, freeze, verifiedAt } = inputs;
  const request = requestOf(inputs);
  const { run } = request;
  if (frozenAt !== null || freeze === "release") {
    const failures = await inProgress(run, "thaw", () => thawAll(request));
    if (failures.length > 0) {
      await afterTheOthers(run);
      throw thawIncomplete(failures);
    }
  }
  // A release waits for nothing, so the rest is still to come.
  if (freeze !== "release") finished(run);
  return { ...stepOf(inputs), freeze, verifiedAt, thawed: frozenAt };
}

/**
 * Thaws what a stack has frozen that is about to be forgotten: afterwards nobody would know of it. Never throws, and
 * touches nothing that is not frozen; what it can't thaw it says.
 */
export async function thawForgotten(outputs: FreezeInputs & Partial<Frozen>): Promise<void> {
  if ((outputs.frozenAt ?? null) === null) return;
  const request = requestOf(outputs);
  for (const failure of await thawAll(request))
    report("thaw", `STILL FROZEN, and forgotten: ${failure}`, request.run);
}

/** Both are thawed whatever the config says now: it may have been another when they were frozen. */
async function thawAll(request: FreezeRequest): Promise<string[]> {
  const { run } = request;
  const [keycloak, api] = await Promise.all([thawClients(request), setInstances(request, "thaw")]);
  const failures = [...keycloak, ...api.failures];
  const instances = api.instances.filter(({ outcome }) => outcome === "done").length;
  if (failures.length === 0)
    report("thaw", `${instances} instances and Keycloak's clients are as before`, run);
  return failures;
}

async function thawClients({ run }: FreezeRequest): Promise<string[]> {
  try {
    const admin = await adminOf(run);
    await thawKeycloak(admin, progressOf("thaw", run));
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}

function thawIncomplete(failures: readonly string[]): RotationError {
  return new RotationError("THAW_INCOMPLETE", `not everything could be thawed: ${listNames(failures)}`, {
    nextStep: "repair what is named, then run the same up again; the keys are not affected",
  });
}

/** Whether something is to be thawed. Where nothing is, the realm's run is over. */
export function isThawDue(olds: Partial<ThawOutputs>, news: ThawInputs): boolean {
  const isReleased = news.freeze === "release" && olds.freeze !== "release";
  const isLater = news.verifiedAt !== null && (olds.verifiedAt ?? null) !== news.verifiedAt;
  const isDue = isReleased || isLater || olds.thawed !== news.frozenAt;
  if (!isDue && news.freeze !== "release") finished(news);
  return isDue;
}
