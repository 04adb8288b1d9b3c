import { messageOf } from "../base/errors.ts";
import { unaskedTargets } from "../fleet/call-instances.ts";
import { type DenyList, denyOn } from "../fleet/deny-list.ts";
import { type Identity, identity, instanceId, type OpenInstance } from "../fleet/instances.ts";
import type { CallResult } from "../fleet/internal-call.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import type { RefreshSettings } from "../fleet/refresh.ts";
import { type Sweep, sweep } from "../fleet/sweep.ts";
import { openTargets, readyTimeoutMs, type Target } from "../fleet/targets.ts";
import { type AdminIdentity, type AdminSession, withAdminProbe } from "../keycloak/admin-probe.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { describeVerdict, probe, type Verdict } from "./probe.ts";
import { isLive } from "./verify-instance.ts";

export interface DenyListQuestion {
  targets: Target[];
  refresh: RefreshSettings;
  /** Secret. Those that instances may have. */
  apiRefreshTokens: string[];
  /** Path of the deny-list operation, without the session's id. */
  denyListPath: string;
  /** Of the admin path. */
  probe: ProbeSettings;
  identity: AdminIdentity;
}

/** What an instance has said of an administrator before, while and after that one was on its deny-list. */
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
 * and taken off again. Each step is done on all instances before the next: they may share one list. Never throws: what
 * could not be proven, or not be cleaned up afterwards, is a failure.
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
  const targets = await openTargets(question.targets);
  const { concurrency } = question.refresh;
  // A pod that never gets ready is asked all the same: left out, it would be proven by nothing.
  const wait = { readyTimeoutMs: readyTimeoutMs(question.targets), overdue: "ask" } as const;
  const session = await login();
  const before = await sweep(targets, { concurrency, progress, ...wait }, (instance) =>
    probe(instance, question.probe, session.token),
  );
  const accepted = byInstance(before);
  const denied = await sweep(
    targets,
    { concurrency, readyTimeoutMs: 0, overdue: "ask" },
    async (instance) => {
      const known = accepted.get(instanceId(instance));
      if (known) return denyAndAsk(instance, question, session, known);
      // It has come since: where the instances share a list, the others' session is on it already.
      const own = await login();
      return denyAndAsk(instance, question, own, await probe(instance, question.probe, own.token));
    },
  );
  const pending = byInstance(denied);
  const cleaned = await sweep(
    targets,
    {
      concurrency,
      readyTimeoutMs: 0,
      overdue: "ask",
      skip: (instance) => !pending.has(instanceId(instance)),
    },
    (instance) => cleanUp(instance, question, pending.get(instanceId(instance))),
  );
  const instances = cleaned.results.flatMap(({ value }) => value ?? []);
  return { instances, failures: failuresOf(question.targets, instances, [denied, cleaned]) };
}

function byInstance<T>({ results }: Sweep<T>): Map<string, T> {
  return new Map(results.map(({ instance, value }) => [instanceId(instance), value]));
}

type Pending = Pick<DenyListProof, "accepted" | "denied" | "refused"> & { session: AdminSession };

const notTried: CallResult = { outcome: "failed", reason: "was not tried" };
const notAsked: Verdict = { kind: "inconclusive", reason: "was not asked" };

/** Nothing is to be learnt of an instance that does not accept the administrator in the first place. */
async function denyAndAsk(
  instance: OpenInstance,
  question: DenyListQuestion,
  session: AdminSession,
  accepted: Verdict,
): Promise<Pending> {
  if (accepted.kind !== "accepted") return { accepted, denied: notTried, refused: notAsked, session };
  const { probe: settings } = question;
  const denied = await denyOn(instance, question, listOf(question, session), "deny");
  if (denied.outcome !== "done") return { accepted, denied, refused: notAsked, session };
  const refused = await probe(instance, settings, session.token);
  // A refusal proves nothing once the instance may take the token for expired.
  const expired = { kind: "inconclusive", reason: `the token expires at ${session.expiresAt}` } as const;
  return { accepted, denied, refused: isLive(session, settings) ? refused : expired, session };
}

function listOf({ denyListPath }: DenyListQuestion, { sid }: AdminSession): DenyList {
  return { path: denyListPath, sids: [sid] };
}

/** Also where putting it on the list had no answer: it may have worked. */
async function cleanUp(
  instance: OpenInstance,
  question: DenyListQuestion,
  pending: Pending | undefined,
): Promise<DenyListProof | undefined> {
  if (!pending) return undefined;
  const { session, ...steps } = pending;
  const { denied } = steps;
  const { refresh, apiRefreshTokens } = question;
  const access = {
    refresh: denied.outcome === "done" ? refresh : { ...refresh, attempts: 1 },
    apiRefreshTokens,
  };
  const cleaned =
    denied === notTried ? notTried : await denyOn(instance, access, listOf(question, session), "allow");
  const reasons = reasonsOf({ ...steps, cleaned });
  return {
    instance: instance.name,
    ...identity(instance),
    ...steps,
    cleaned,
    ok: reasons.length === 0,
    reasons,
  };
}

/** The first step that went wrong: those after it prove nothing. */
function reasonsOf({
  accepted,
  denied,
  refused,
  cleaned,
}: Omit<DenyListProof, "instance" | "ok" | "reasons">): string[] {
  if (accepted.kind !== "accepted") {
    const what = describeVerdict(accepted);
    return [
      `does not accept an administrator's token (${what}), so its refusal would prove nothing: see sessions.adminProbe`,
    ];
  }
  if (denied.outcome !== "done") return [`does not take a session for its deny-list: ${denied.reason}`];
  if (refused.kind === "accepted")
    return ["still accepts an administrator whose session is on its deny-list"];
  if (refused.kind !== "rejected")
    return [`gives no verdict on a denied administrator: ${describeVerdict(refused)}`];
  if (cleaned.outcome !== "done")
    return [`does not take a session off its deny-list again: ${cleaned.reason}`];
  return [];
}

/** A pod that has ended in between is none of them; every other instance must have been proven. */
function failuresOf(
  targets: readonly Target[],
  proofs: readonly DenyListProof[],
  sweeps: readonly Sweep<unknown>[],
): string[] {
  return [
    ...new Set(sweeps.flatMap((one) => unaskedTargets(targets, one))),
    ...proofs.filter(({ ok }) => !ok).map(({ instance, reasons }) => `${instance} ${reasons.join("; ")}`),
  ];
}
