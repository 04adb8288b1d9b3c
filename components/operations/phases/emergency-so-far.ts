import { unpack } from "../base/packed.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { FreezeResult, InternalKeysResult, SessionsResult } from "../evidence/findings.ts";
import type { CalledInstance } from "../fleet/call-instances.ts";
import { idOf } from "../fleet/instances.ts";
import type { RestartResult } from "../fleet/restart.ts";
import type { EmergencyActions } from "../proof/verification-request.ts";
import type { FreezeOutputs } from "./freeze.ts";
import type { InternalKeysOutputs } from "./internal-keys.ts";
import type { RunSettings } from "./phase-details.ts";
import type { RevocationOutputs } from "./revoke.ts";
import type { EmergencySoFar } from "./so-far.ts";

/** What the phases that only an emergency has have given, as the state has it. */
export interface EmergencyGiven {
  frozen: Pick<FreezeOutputs, "frozenFor" | "result" | "record">;
  revoked: Pick<RevocationOutputs, "revokedFor" | "result" | "record">;
  internal: Pick<InternalKeysOutputs, "rotatedFor" | "result" | "record">;
}

interface Done<Result> {
  result: Result | null;
  record: PhaseRecord | null;
}

/** Those of them that were done in this rotation. */
export interface CurrentActions {
  freeze?: Done<FreezeResult>;
  sessions?: Done<SessionsResult>;
  internalKeys?: Done<InternalKeysResult>;
}

/**
 * What was done in this rotation; the result of an earlier one does not count. Back in mode planned, what an emergency
 * left undone is still undone. Pure.
 */
export function currentActions(
  rotation: number,
  { frozen, revoked, internal }: EmergencyGiven,
): CurrentActions {
  const opened = <T>(packed: Parameters<typeof unpack<T>>[0] | null) =>
    packed === null ? null : unpack(packed);
  return {
    ...(frozen.frozenFor === rotation
      ? { freeze: { result: opened(frozen.result), record: frozen.record } }
      : {}),
    ...(revoked.revokedFor === rotation
      ? { sessions: { result: opened(revoked.result), record: revoked.record } }
      : {}),
    ...(internal.rotatedFor === rotation
      ? { internalKeys: { result: internal.result, record: internal.record } }
      : {}),
  };
}

/** The same, for the evidence. Pure. */
export function emergencySoFar({ freeze, sessions, internalKeys }: CurrentActions): EmergencySoFar {
  return {
    records: [freeze?.record, sessions?.record, internalKeys?.record].flatMap((record) => record ?? []),
    findings: {
      ...(freeze?.result ? { freeze: freeze.result } : {}),
      ...(sessions?.result ? { sessions: sessions.result } : {}),
      ...(internalKeys?.result ? { internalKeys: internalKeys.result } : {}),
    },
  };
}

type Settings = Pick<RunSettings, "run" | "emergency" | "fleet" | "algorithms" | "probeIdentity">;

/**
 * What the verification must know of it. Pure.
 *
 * @param restarts what was restarted since, and so has lost what it was told
 */
export function emergencyActions(
  settings: Settings,
  { freeze, sessions, internalKeys }: CurrentActions,
  restarts: readonly RestartResult[],
): EmergencyActions {
  const { run, emergency } = settings;
  const { freeze: wish, freezePath, revoke, denyListPath } = emergency;
  const idsOf = (called: readonly CalledInstance[]) => toldAndAlive(called, restarts);
  const sids = sessions?.result?.ended.map(({ sid }) => sid) ?? [];
  const { instances = [] } = freeze?.result ?? {};
  return {
    failures: [...(sessions?.result?.failures ?? []), ...(internalKeys?.result?.failures ?? [])],
    orders: {
      ...(instances.length > 0 && wish !== "release"
        ? { freeze: { path: freezePath, on: idsOf(instances), since: freeze?.record?.startedAt ?? "" } }
        : {}),
      ...(sids.length > 0
        ? { deny: { path: denyListPath, sids, on: idsOf(sessions?.result?.denied ?? []) } }
        : {}),
    },
    ...((run.mode === "emergency" && revoke !== "none") || sessions
      ? { denyList: denyListQuestion(settings) }
      : {}),
  };
}

function denyListQuestion({ emergency, fleet, algorithms, probeIdentity }: Settings) {
  const { denyListPath, adminProbe } = emergency;
  const { path, realmRoles, acceptedStatuses, rejectedStatuses } = adminProbe;
  const [algorithm = "RS256"] = algorithms;
  return {
    denyListPath,
    probe: { ...fleet.probe, path, acceptedStatuses, rejectedStatuses },
    identity: { realmRoles, audience: [...probeIdentity.audience], algorithm },
  };
}

/** Instances that were called, without those that were restarted since and so have lost it. */
function toldAndAlive(called: readonly CalledInstance[], restarts: readonly RestartResult[]): string[] {
  const restarted = new Set(restarts.map(({ subject }) => subject));
  return called.filter(({ instance, outcome }) => outcome === "done" && !restarted.has(instance)).map(idOf);
}

/**
 * Whether this rotation has frozen what is still to be thawed. Pure.
 *
 * @param frozenFor the rotation that it was frozen for; null where nothing was
 */
export function isThawing(
  { run, emergency }: Pick<RunSettings, "run" | "emergency">,
  frozenFor: number | null,
): boolean {
  return frozenFor === run.rotation && emergency.freeze !== "release";
}
