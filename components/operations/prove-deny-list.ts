import { type AdminIdentity, type AdminSession, withAdminProbe } from "./admin-probe.ts";
import { denyOn } from "./deny-list.ts";
import { messageOf } from "./errors.ts";
import { type Identity, type Instance, identity, instanceId, type OpenInstance } from "./instances.ts";
import type { CallResult } from "./internal-call.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";
import { describeVerdict, type ProbeSettings, probe, type Verdict } from "./probes.ts";
import type { RefreshSettings } from "./refresh.ts";
import { sweep } from "./sweep.ts";
import { openTargets, readyTimeoutMs, type Target } from "./targets.ts";

export interface DenyListQuestion {
  targets: Target[];
  refresh: RefreshSettings;
  /** Secret. Those that instances may have. */
  refreshTokens: string[];
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
 * and taken off again. Each step is done on all instances before the next: they may share one list. Never throws.
 */
export async function proveDenyList(
  admin: KeycloakAdmin,
  question: DenyListQuestion,
  progress: (line: string) => void,
): Promise<DenyListResult> {
  try {
    return await withAdminProbe(admin, question.identity, (login) => proveWith(question, login, progress));
  } catch (error) {
    return { instances: [], failures: [messageOf(error)] };
  }
}

const notAsked: Verdict = { kind: "inconclusive", reason: "was not asked" };

async function proveWith(
  question: DenyListQuestion,
  login: () => Promise<AdminSession>,
  progress: (line: string) => void,
): Promise<DenyListResult> {
  const targets = await openTargets(question.targets);
  const options = {
    concurrency: question.refresh.concurrency,
    readyTimeoutMs: readyTimeoutMs(question.targets),
    progress,
  };
  const session = await login();
  const accepted = new Map<string, Verdict>();
  await sweep(targets, options, async (instance) => {
    accepted.set(instanceId(instance), await probe(instance, question.probe, session.token));
  });
  const found = await sweep(targets, options, async (instance) => {
    const known = accepted.get(instanceId(instance));
    if (known) return denyAndAsk(instance, question, session, known);
    // It has come since: where the instances share a list, the others' session is on it already.
    const own = await login();
    return denyAndAsk(instance, question, own, await probe(instance, question.probe, own.token));
  });
  const proofs = new Map(found.results.map(({ instance, value }) => [instanceId(instance), value]));
  const cleaned = await sweep(targets, { ...options, skip: (one) => !proofs.has(instanceId(one)) }, (instance) =>
    cleanUp(instance, question, proofs.get(instanceId(instance))),
  );
  const instances = cleaned.results.flatMap(({ value }) => value ?? []);
  return { instances, failures: failuresOf(instances, found.failures.map(({ error }) => error.message), found.results.map(({ instance }) => instance)) };
}

type Pending = Pick<DenyListProof, "accepted" | "denied" | "refused"> & { session: AdminSession };

async function denyAndAsk(
  instance: OpenInstance,
  question: DenyListQuestion,
  session: AdminSession,
  accepted: Verdict,
): Promise<Pending> {
  const list = { path: question.denyListPath, sids: [session.sid] };
  const denied = await denyOn(instance, question.refresh, question.refreshTokens, list, "deny");
  const refused = denied.outcome === "done" ? await probe(instance, question.probe, session.token) : notAsked;
  return { accepted, denied, refused: unexpired(refused, session), session };
}

/** A refusal proves nothing once the token may have expired. */
function unexpired(verdict: Verdict, { expiresAt }: AdminSession): Verdict {
  if (Date.now() < Date.parse(expiresAt)) return verdict;
  return { kind: "inconclusive", reason: `the token expires at ${expiresAt}` };
}

async function cleanUp(
  instance: OpenInstance,
  question: DenyListQuestion,
  pending: Pending | undefined,
): Promise<DenyListProof | undefined> {
  if (!pending) return undefined;
  const { session, ...steps } = pending;
  const list = { path: question.denyListPath, sids: [session.sid] };
  const cleaned = await denyOn(instance, question.refresh, question.refreshTokens, list, "allow");
  const reasons = reasonsOf({ ...steps, cleaned });
  return { instance: instance.name, ...identity(instance), ...steps, cleaned, ok: reasons.length === 0, reasons };
}

/** The first step that went wrong: those after it prove nothing. */
function reasonsOf({ accepted, denied, refused, cleaned }: Omit<DenyListProof, "instance" | "ok" | "reasons">): string[] {
  if (accepted.kind !== "accepted") {
    const what = describeVerdict(accepted);
    return [`does not accept an administrator's token (${what}), so its refusal would prove nothing: see sessions.adminProbe`];
  }
  if (denied.outcome !== "done") return [`does not take a session for its deny-list: ${denied.reason}`];
  if (refused.kind === "accepted") return ["still accepts an administrator whose session is on its deny-list"];
  if (refused.kind !== "rejected") return [`gives no verdict on a denied administrator: ${describeVerdict(refused)}`];
  if (cleaned.outcome !== "done") return [`does not take a session off its deny-list again: ${cleaned.reason}`];
  return [];
}

function failuresOf(proofs: readonly DenyListProof[], unseen: readonly string[], asked: readonly Instance[]): string[] {
  const lost = asked.filter((one) => !proofs.some(({ instance, uid }) => (uid ?? instance) === instanceId(one)));
  return [
    ...unseen,
    ...(proofs.length === 0 ? ["the deny-list was proven on no instance"] : []),
    ...lost.filter(({ pod }) => !pod).map(({ name }) => `${name} could not be asked about its deny-list`),
    ...proofs.filter(({ ok }) => !ok).map(({ instance, reasons }) => `${instance} ${reasons.join("; ")}`),
  ];
}
