import { setTimeout as delay } from "node:timers/promises";
import { changed } from "../base/changed.ts";
import { messageOf } from "../base/errors.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { progressOf, report } from "../base/report.ts";
import type { RunContext } from "../base/run-context.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { SessionsResult } from "../evidence/findings.ts";
import { type DeniedInstance, denySessions } from "../fleet/deny-list.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { idOf } from "../fleet/instances.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import {
  collectSessions,
  type EndedSession,
  endAllSessions,
  findSessions,
  type Revoke,
  revokeSessions,
  type SomeSessions,
} from "../keycloak/revoke-sessions.ts";
import { killStep } from "../keys/kill-marks.ts";
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
  /** Path of the instances' deny-list operation, without the session's id. */
  denyListPath: string;
  /** What `npm run kill` has done of this rotation. Default: nothing. */
  doneByKill?: string[];
}

export interface RevocationInputs extends FleetInputs<Details> {
  /** Which sessions end in an emergency. */
  revoke: Revoke;
  /** Milliseconds for which an entry stays on the deny-list: the longest life of an access token. */
  denyForMs: number;
}

interface Revoked {
  /** Secret, for the length of it. Null where no session had to end. */
  result: Packed<SessionsResult> | null;
  /** Whether all of it was done; null where no session had to end. */
  complete: boolean | null;
  /** ISO 8601 UTC. */
  revokedAt: string | null;
  /** The rotation that they were ended for; null where none had to be. */
  revokedFor: number | null;
  /** When the entries may go from the deny-list, ISO 8601 UTC; null where none is on it. */
  denyUntil: string | null;
  record: PhaseRecord | null;
}

export interface RevocationOutputs extends Step, Revoked {
  revoke: Revoke;
}

type SessionsRequest = RunAndFleet & Details & Pick<RevocationInputs, "revoke" | "denyForMs">;
type RunAndFleet = Run & { fleet: Fleet };
type Order = Pick<RevocationInputs, "rotation" | "mode" | "revoke">;

/** What is to be done now: sessions are ended once for each rotation, and taken off the deny-list when it is time. */
export function nextSessionsStep(
  order: Order,
  previous: Partial<RevocationOutputs> = {},
): "revoke" | "tidy" | "nothing" {
  if (order.mode === "emergency" && order.revoke !== "none") {
    const isSame = changed({ ...previous }, order, ["rotation", "mode", "revoke"]).length === 0;
    if (!isSame || previous.complete !== true) return "revoke";
  }
  const { denyUntil } = previous;
  return denyUntil && Date.parse(denyUntil) <= Date.now() ? "tidy" : "nothing";
}

/** Phase 6: end sessions, and feed the deny-list. Never throws: what fails is a result, and makes the verification red. */
export async function sessionsPhase(
  inputs: RevocationInputs,
  previous: Partial<RevocationOutputs> = {},
): Promise<RevocationOutputs> {
  const { run, denyListPath, doneByKill = [] } = detailsOf(inputs);
  const { revoke, denyForMs } = inputs;
  const request = { run, fleet: fleetOf(inputs), denyListPath, revoke, denyForMs };
  const step = nextSessionsStep(inputs, previous);
  const isFirst = step === "revoke" && previous.revokedFor !== run.rotation;
  const done =
    isFirst && doneByKill.includes(killStep("sessions", revoke))
      ? endedByKill(run)
      : await nextStep(step, request, previous);
  return { ...stepOf(inputs), revoke, ...done };
}

/** Who has logged in since is not logged out once more. */
function endedByKill(run: RunContext): Revoked {
  const at = new Date().toISOString();
  const summary = "npm run kill has ended the sessions of this rotation; its evidence lists them";
  report("revoke", summary, run);
  const record: PhaseRecord = { phase: "revoke", outcome: "done", startedAt: at, finishedAt: at, summary };
  return { result: null, complete: true, revokedAt: at, revokedFor: run.rotation, denyUntil: null, record };
}

async function nextStep(
  step: ReturnType<typeof nextSessionsStep>,
  request: SessionsRequest,
  previous: Partial<RevocationOutputs>,
): Promise<Revoked> {
  const {
    result = null,
    complete = null,
    revokedAt = null,
    revokedFor = null,
    denyUntil = null,
    record = null,
  } = previous;
  const before = { result, complete, revokedAt, revokedFor, denyUntil, record };
  switch (step) {
    case "nothing":
      return before;
    case "tidy":
      return tidy(request, before);
    case "revoke":
      return inProgress(request.run, "revoke", () => revokeAll(request, endedBefore(request, before)));
    default:
      return step satisfies never;
  }
}

/** Keycloak can't tell of a session any more that an earlier attempt has ended, and some instance may not know of it. */
function endedBefore(request: SessionsRequest, previous: Revoked): EndedSession[] {
  const isAttempt = previous.revokedFor === request.run.rotation;
  return isAttempt && previous.result ? unpack(previous.result).ended : [];
}

async function revokeAll(request: SessionsRequest, earlier: readonly EndedSession[]): Promise<Revoked> {
  const { run, denyForMs } = request;
  const startedAt = new Date().toISOString();
  const result = await endAndDeny(request, earlier);
  const finishedAt = new Date().toISOString();
  const denied = result.denied.filter(({ outcome }) => outcome === "done").length;
  const summary = [
    `${result.ended.length} sessions ended`,
    ...(result.ended.length > 0 ? [`denied on ${denied} of ${result.denied.length} instances`] : []),
    ...result.failures,
  ].join("; ");
  report("revoke", summary, run);
  const outcome = result.failures.length === 0 ? "done" : "failed";
  return {
    result: pack(result),
    complete: result.failures.length === 0,
    revokedAt: finishedAt,
    revokedFor: run.rotation,
    denyUntil: result.ended.length > 0 ? new Date(Date.now() + denyForMs).toISOString() : null,
    record: { phase: "revoke", outcome, startedAt, finishedAt, summary },
  };
}

async function endAndDeny(
  request: SessionsRequest,
  earlier: readonly EndedSession[],
): Promise<SessionsResult> {
  const { run, revoke } = request;
  if (revoke === "none") return { ended: [...earlier], truncated: false, denied: [], failures: [] };
  try {
    const admin = await adminOf(run);
    if (revoke === "all") return await endAll(request, admin, earlier);
    return await endSome(request, admin, earlier, revoke);
  } catch (error) {
    return { ended: [...earlier], truncated: false, denied: [], failures: [messageOf(error)] };
  }
}

/**
 * Keycloak's `notBefore` has whole seconds. The control tokens were minted just before: ended in the same second, sessions
 * would part them from the canary tokens for everybody who minds it, and no rejection of those would prove anything.
 */
const controlMs = 1_000;

/**
 * One call ends all sessions, and nothing goes before it but a bounded look for their ids: instances may hang. What
 * fails at Keycloak does not keep the instances from being told.
 */
async function endAll(
  request: SessionsRequest,
  admin: KeycloakAdmin,
  earlier: readonly EndedSession[],
): Promise<SessionsResult> {
  const [collected] = await Promise.all([collectSessions(admin), delay(controlMs)]);
  const failures = [...collected.failures];
  await endAllSessions(admin, progressOf("revoke", request.run)).catch((error: unknown) => {
    failures.push(messageOf(error));
  });
  const ended = distinct([...earlier, ...collected.sessions]);
  const answers = await setDenyList(request, sidsOf(ended), "deny");
  return {
    ended,
    truncated: collected.truncated,
    denied: answers.denied,
    failures: [...failures, ...answers.failures],
  };
}

/** At Keycloak and on the instances at the same time: neither waits for the other. */
async function endSome(
  request: SessionsRequest,
  admin: KeycloakAdmin,
  earlier: readonly EndedSession[],
  some: SomeSessions,
): Promise<SessionsResult> {
  const before = await findSessions(admin, some);
  const found = distinct([...earlier, ...before.sessions]);
  const known = sidsOf(found);
  const failures: string[] = [];
  const [first, ended] = await Promise.all([
    setDenyList(request, known, "deny"),
    revokeSessions(admin, some, progressOf("revoke", request.run)).catch((error: unknown) => {
      failures.push(messageOf(error));
      return { sessions: [] };
    }),
  ]);
  const late = sidsOf(ended.sessions).filter((sid) => !known.includes(sid));
  const second = await setDenyList(request, late, "deny");
  return {
    ended: distinct([...found, ...ended.sessions]),
    truncated: false,
    denied: worstOf(first.denied, second.denied),
    failures: [...new Set([...failures, ...first.failures, ...second.failures])],
  };
}

function distinct(sessions: readonly EndedSession[]): EndedSession[] {
  return [...new Map(sessions.map((one) => [one.sid, one])).values()];
}

/** An instance that missed the first list does not know it because it took the second. */
function worstOf(first: readonly DeniedInstance[], second: readonly DeniedInstance[]): DeniedInstance[] {
  const missed = first.filter(({ outcome }) => outcome !== "done");
  return [...new Map([...first, ...second, ...missed].map((one) => [idOf(one), one])).values()];
}

function sidsOf(sessions: readonly EndedSession[]): string[] {
  return [...new Set(sessions.map(({ sid }) => sid))];
}

async function setDenyList(request: SessionsRequest, sids: string[], wanted: "deny" | "allow") {
  if (sids.length === 0) return { denied: [], failures: [] };
  const { fleet, denyListPath, run } = request;
  const list = { path: denyListPath, sids };
  const { instances, failures } = await denySessions(fleet, list, wanted, progressOf("revoke", run));
  const failed = instances.filter(({ outcome }) => outcome !== "done");
  return {
    denied: instances,
    failures: [
      ...failures,
      ...failed.map(({ instance, reason }) => `${instance} does not take the deny-list: ${reason}`),
    ],
  };
}

/** Entries that no live token needs go again; one that can't be removed is tried again by the next update. */
async function tidy(request: SessionsRequest, before: Revoked): Promise<Revoked> {
  const sids = sidsOf(before.result ? unpack(before.result).ended : []);
  const { failures } = await setDenyList(request, sids, "allow");
  report("revoke", failures.join("; ") || `${sids.length} sessions are off the deny-list again`, request.run);
  return failures.length > 0 ? before : { ...before, denyUntil: null };
}
