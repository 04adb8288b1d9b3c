import { messageOf } from "../base/errors.ts";
import { unaskedTargets } from "../fleet/call-instances.ts";
import { denyOn } from "../fleet/deny-list.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { type Identity, type Instance, identity, instanceId, type OpenInstance } from "../fleet/instances.ts";
import type { CallResult } from "../fleet/internal-call.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import { type Sweep, type SweepOptions, sweep } from "../fleet/sweep.ts";
import { openTargets, readyTimeoutMs, type Target } from "../fleet/targets.ts";
import { type AdminIdentity, type AdminSession, withAdminProbe } from "../keycloak/admin-probe.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { probeEveryProcess, probeLive } from "./live-token.ts";
import { describeVerdict, type Verdict } from "./probe.ts";

export interface DenyListQuestion {
  fleet: Pick<Fleet, "targets" | "refresh" | "apiRefreshTokens">;
  /** Path of the deny-list operation, without the session's id. */
  denyListPath: string;
  /** How the admin path is probed. */
  probe: ProbeSettings;
  identity: AdminIdentity;
  /** Where not every instance is asked: which are, asked again before each is put on a list. Default: all. */
  isConcerned?: (instance: Pick<Instance, "name" | "target" | "uid">) => boolean;
  /** Milliseconds to wait for pods that are not ready. Default: as long as their targets ask for. */
  readyTimeoutMs?: number;
}

/** An instance's verdicts on an administrator before, while and after that one was on its deny-list. */
export interface DenyListProof extends Identity {
  instance: string;
  accepted: Verdict;
  denied: CallResult;
  refused: Verdict;
  cleaned: CallResult;
  ok: boolean;
  /** Why it is not proven, each a phrase. */
  reasons: string[];
}

export interface DenyListResult {
  instances: DenyListProof[];
  /** Everything that keeps it from being proven, a sentence each. */
  failures: string[];
}

/**
 * Proves on every instance that its deny-list works: an administrator of our own is accepted, put on the list, refused,
 * and taken off again. Each step is done on all instances before the next, because they may share one list. Never throws:
 * what could not be proven, or not be cleaned up afterwards, is a failure.
 */
export async function proveDenyList(
  admin: KeycloakAdmin,
  question: DenyListQuestion,
  progress: (line: string) => void,
): Promise<DenyListResult> {
  let found: DenyListResult = { instances: [], failures: [] };
  try {
    await withAdminProbe(admin, question.identity, async (login) => {
      found = await proveWith(question, login, progress);
    });
    return found;
  } catch (error) {
    return { ...found, failures: [...found.failures, messageOf(error)] };
  }
}

async function proveWith(
  question: DenyListQuestion,
  login: () => Promise<AdminSession>,
  progress: (line: string) => void,
): Promise<DenyListResult> {
  const { fleet, isConcerned = () => true } = question;
  const targets = await openTargets(fleet.targets);
  // A pod that never becomes ready is asked regardless: left out, it would be proven by nothing.
  const atOnce: SweepOptions = {
    concurrency: fleet.refresh.concurrency,
    readyTimeoutMs: 0,
    overdue: "ask",
    skip: (instance) => !isConcerned(instance),
  };
  const waitMs = question.readyTimeoutMs ?? readyTimeoutMs(fleet.targets);
  const patient = { ...atOnce, progress, readyTimeoutMs: waitMs };
  const session = await login();
  const before = await sweep(targets, patient, (instance) => isAccepted(instance, question, session));
  const accepted = byInstance(before);
  const denied = await sweep(targets, atOnce, async (instance) => {
    const known = accepted.get(instanceId(instance));
    if (known) return denyAndAsk(instance, question, session, known);
    // It has appeared since: where the instances share a list, the others' session is on it already.
    const own = await login();
    return denyAndAsk(instance, question, own, await isAccepted(instance, question, own));
  });
  const pending = byInstance(denied);
  const skip = (instance: Parameters<typeof instanceId>[0]) => !pending.has(instanceId(instance));
  const cleaned = await sweep(targets, { ...atOnce, skip }, (instance) =>
    cleanUp(instance, question, pending.get(instanceId(instance))),
  );
  const instances = cleaned.results.flatMap(({ value }) => value ?? []);
  return { instances, failures: failuresOf(fleet.targets, instances, [denied, cleaned]) };
}

async function isAccepted(
  instance: OpenInstance,
  question: DenyListQuestion,
  { token }: AdminSession,
): Promise<Verdict> {
  return (await probeEveryProcess(instance, question.probe, token, "accepted")).verdict;
}

function byInstance<T>({ results }: Sweep<T>): Map<string, T> {
  return new Map(results.map(({ instance, value }) => [instanceId(instance), value]));
}

type Steps = Pick<DenyListProof, "accepted" | "denied" | "refused" | "cleaned">;
type Pending = Omit<Steps, "cleaned"> & { session: AdminSession };

const notTried: CallResult = { outcome: "failed", reason: "was not tried" };
const notAsked: Verdict = { kind: "inconclusive", reason: "was not asked" };

/** An instance that does not accept the administrator in the first place can't show that its deny-list works. */
async function denyAndAsk(
  instance: OpenInstance,
  question: DenyListQuestion,
  session: AdminSession,
  accepted: Verdict,
): Promise<Pending> {
  if (accepted.kind !== "accepted") return { accepted, denied: notTried, refused: notAsked, session };
  const denied = await setDenied(instance, question, session, "deny");
  if (denied.outcome !== "done") return { accepted, denied, refused: notAsked, session };
  const { verdict: refused } = await probeLive(instance, question.probe, session, "rejected");
  return { accepted, denied, refused, session };
}

/** Done as well where the request to put it on the list got no answer: it may have worked. */
async function cleanUp(
  instance: OpenInstance,
  question: DenyListQuestion,
  pending: Pending | undefined,
): Promise<DenyListProof | undefined> {
  if (!pending) return undefined;
  const { session, ...before } = pending;
  const cleaned =
    before.denied === notTried ? notTried : await allowAgain(instance, question, session, before.denied);
  const steps = { ...before, cleaned };
  const reasons = reasonsOf(steps);
  return { instance: instance.name, ...identity(instance), ...steps, ok: reasons.length === 0, reasons };
}

/** An instance that did not take the session gets a single attempt. */
function allowAgain(
  instance: OpenInstance,
  question: DenyListQuestion,
  session: AdminSession,
  denied: CallResult,
): Promise<CallResult> {
  const { refresh } = question.fleet;
  const fleet =
    denied.outcome === "done" ? question.fleet : { ...question.fleet, refresh: { ...refresh, attempts: 1 } };
  return setDenied(instance, { ...question, fleet }, session, "allow");
}

function setDenied(
  instance: OpenInstance,
  { fleet, denyListPath }: DenyListQuestion,
  { sid }: AdminSession,
  wanted: "deny" | "allow",
): Promise<CallResult> {
  const list = { path: denyListPath, sids: [sid] };
  return denyOn(instance, fleet, list, wanted);
}

/** The first step that went wrong: those after it prove nothing. */
function reasonsOf({ accepted, denied, refused, cleaned }: Steps): string[] {
  if (accepted.kind !== "accepted") {
    const what = describeVerdict(accepted);
    return [
      `does not accept an administrator's token (${what}), so rejecting it would prove nothing: see sessions.adminProbe`,
    ];
  }
  if (denied.outcome !== "done") return [`does not put a session on its deny-list: ${denied.reason}`];
  if (refused.kind === "accepted")
    return ["still accepts an administrator whose session is on its deny-list"];
  if (refused.kind !== "rejected")
    return [`gives no verdict on a denied administrator: ${describeVerdict(refused)}`];
  if (cleaned.outcome !== "done")
    return [`does not take a session off its deny-list again: ${cleaned.reason}`];
  return [];
}

/** A pod that has ended in between is not counted; every other instance must have been proven. */
function failuresOf(
  targets: readonly Target[],
  proofs: readonly DenyListProof[],
  sweeps: readonly Sweep<unknown>[],
): string[] {
  return [
    ...new Set(sweeps.flatMap((swept) => unaskedTargets(targets, swept))),
    ...proofs.filter(({ ok }) => !ok).map(({ instance, reasons }) => `${instance} ${reasons.join("; ")}`),
  ];
}
