import { stepChanged } from "../base/changed.ts";
import { messageOf, RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { progressOf, report } from "../base/report.ts";
import type { RunContext } from "../base/run-context.ts";
import { afterTheOthers, finished, underWay } from "../base/side-by-side.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { FreezeResult } from "../evidence/findings.ts";
import { type Freeze, freezeInstances } from "../fleet/freeze-instances.ts";
import type { RefreshSettings } from "../fleet/refresh.ts";
import type { Target } from "../fleet/targets.ts";
import { connection } from "../keycloak/connection.ts";
import { freezeKeycloak, refusesFreeze, thawKeycloak } from "../keycloak/freeze-keycloak.ts";
import { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { tellStart } from "../notify/run-notices.ts";
import { inPhase } from "../telemetry/telemetry.ts";

export interface FreezePhaseRequest {
  run: RunContext;
  freeze: Freeze;
  freezePath: string;
  targets: Target[];
  refresh: RefreshSettings;
  /** Secret. Those that instances may have. */
  apiRefreshTokens: string[];
}

export interface FreezeOutputs {
  /** ISO 8601 UTC; null where nothing was frozen. */
  frozenAt: string | null;
  /** The rotation that it was frozen for; null where nothing was. */
  frozenFor: number | null;
  result: FreezeResult | null;
  record: PhaseRecord | null;
}

/** Whether a run freezes anything: only an emergency does. */
export function isFreezing({ run, freeze }: { run: Pick<RunContext, "mode">; freeze: Freeze }): boolean {
  return run.mode === "emergency" && (concernsApi(freeze) || concernsKeycloak(freeze));
}

type FreezeOrder = { run: Parameters<typeof stepChanged>[0] & Pick<RunContext, "mode">; freeze: Freeze };

/** Whether there is something to freeze that the run before has not frozen. */
export function isFreezeDue(order: FreezeOrder, previous: Partial<FreezeOrder>): boolean {
  const { run, freeze } = previous;
  if (!isFreezing(order)) return false;
  return (
    !run || !freeze || stepChanged(run, order.run) || freeze !== order.freeze || !isFreezing({ run, freeze })
  );
}

function concernsApi(freeze: Freeze): boolean {
  return freeze === "api" || freeze === "both";
}

function concernsKeycloak(freeze: Freeze): boolean {
  return freeze === "keycloak" || freeze === "both";
}

/** Phase 1: freeze. Never throws: what can't be frozen must not keep the stolen key alive. */
export async function freezePhase(request: FreezePhaseRequest): Promise<FreezeOutputs> {
  if (!isFreezing(request)) return { frozenAt: null, frozenFor: null, result: null, record: null };
  return underWay(request.run, () => inPhase(request.run, "freeze", () => freezeAll(request)));
}

async function freezeAll(request: FreezePhaseRequest): Promise<FreezeOutputs> {
  tellStart(request.run);
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
  return { frozenAt: startedAt, frozenFor: request.run.rotation, result, record };
}

async function freezeClients(request: FreezePhaseRequest) {
  if (!concernsKeycloak(request.freeze)) return { clients: [], failures: [] };
  try {
    const admin = new KeycloakAdmin(await connection(), request.run.realm);
    const lockOut = refusesFreeze(admin.connection, admin.realmName);
    if (lockOut) return { clients: [], failures: [lockOut] };
    const { clients } = await freezeKeycloak(admin, progressOf("freeze", request.run));
    return { clients, failures: [] };
  } catch (error) {
    return { clients: [], failures: [messageOf(error)] };
  }
}

async function freezeApi(request: FreezePhaseRequest) {
  if (!concernsApi(request.freeze)) return { instances: [], failures: [] };
  return setInstances(request, "freeze");
}

async function setInstances(
  { targets, refresh, apiRefreshTokens, freezePath, run }: Omit<FreezePhaseRequest, "freeze">,
  wanted: "freeze" | "thaw",
) {
  const settings = { ...refresh, path: freezePath };
  const progress = progressOf(wanted, run);
  const { instances, failures } = await freezeInstances(
    targets,
    settings,
    apiRefreshTokens,
    wanted,
    progress,
  );
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

export type ThawPhaseRequest = FreezePhaseRequest & {
  /** When it was frozen last, ISO 8601 UTC; null where it never was. */
  frozenAt: string | null;
  /** When what was frozen was verified, ISO 8601 UTC; null where there is nothing to thaw after it. */
  verifiedAt: string | null;
};

export interface ThawOutputs {
  /** The freeze that was undone, by its time. */
  thawed: string | null;
}

/**
 * Phase 10: restore what was frozen, exactly as it was.
 * @throws {RotationError} THAW_INCOMPLETE that names what is still frozen
 */
export async function thawPhase(request: ThawPhaseRequest): Promise<ThawOutputs> {
  const { frozenAt, freeze, run } = request;
  if (frozenAt !== null || freeze === "release") {
    const failures = await underWay(run, () => inPhase(run, "thaw", () => thawAll(request)));
    if (failures.length > 0) {
      await afterTheOthers(run);
      throw thawIncomplete(failures);
    }
  }
  // A release waits for nothing, so the rest is still to come.
  if (freeze !== "release") finished(run);
  return { thawed: frozenAt };
}

/**
 * Thaws what a stack has frozen that is about to be forgotten: afterwards nobody would know of it. Never throws, and
 * touches nothing that is not frozen; what it can't thaw it says.
 */
export async function thawForgotten(request: FreezePhaseRequest & Partial<FreezeOutputs>): Promise<void> {
  const { run, frozenAt } = request;
  if ((frozenAt ?? null) === null) return;
  for (const failure of await thawAll(request))
    report("thaw", `STILL FROZEN, and forgotten: ${failure}`, run);
}

/** Both are thawed whatever the config says now: it may have been another when they were frozen. */
async function thawAll(request: FreezePhaseRequest): Promise<string[]> {
  const { run } = request;
  const [keycloak, api] = await Promise.all([thawClients(request), setInstances(request, "thaw")]);
  const failures = [...keycloak, ...api.failures];
  const instances = api.instances.filter(({ outcome }) => outcome === "done").length;
  if (failures.length === 0)
    report("thaw", `${instances} instances and Keycloak's clients are as before`, run);
  return failures;
}

async function thawClients({ run }: FreezePhaseRequest): Promise<string[]> {
  try {
    const admin = new KeycloakAdmin(await connection(), run.realm);
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
export function isThawDue(olds: Partial<ThawPhaseRequest & ThawOutputs>, news: ThawPhaseRequest): boolean {
  const isReleased = news.freeze === "release" && olds.freeze !== "release";
  const isLater = news.verifiedAt !== null && (olds.verifiedAt ?? null) !== news.verifiedAt;
  const isDue = isReleased || isLater || olds.thawed !== news.frozenAt;
  if (!isDue && news.freeze !== "release") finished(news.run);
  return isDue;
}
