import type { KubernetesTarget } from "../fleet/kubernetes/kubernetes-target.ts";
import type { RestartSettings } from "../fleet/restart.ts";
import { openTarget, type Target } from "../fleet/targets.ts";
import { type Examined, type Finding, findingFrom, findingOf } from "./finding.ts";

export interface ClusterQuestion {
  realm: string;
  /** The realm's issuer, and every other URL that it is known by. */
  issuers: () => Promise<readonly string[]>;
  /** Seconds that an emergency gives everything before the cut-over. */
  budgetSeconds: number;
  restart: Pick<RestartSettings, "strategy" | "command">;
}

/** For how long a login plugin is waited for, in milliseconds. */
const patienceMs = 30_000;

const unproven = "the key is disabled regardless, but the pods of this target are unproven: the run ends red";

/** What was seen of the clusters. */
export interface ExaminedClusters {
  examined: Examined;
  /** Targets whose cluster lets nobody in: their pods need not be complained of again. */
  closed: string[];
}

/**
 * Logs in to the cluster of each target that is one, as its kubeconfig says, and asks which of the rights that a run needs
 * are missing. Undefined where the stack has no such target.
 */
export async function examineClusters(
  targets: readonly Target[],
  question: ClusterQuestion,
): Promise<ExaminedClusters | undefined> {
  const clusters = targets.filter((target) => target.kind === "kubernetes");
  if (clusters.length === 0) return undefined;
  const found = await Promise.all(clusters.map((target) => examineCluster(target, question)));
  const seen = found.map((one) => one.seen).join("; ");
  const findings = found.flatMap((one) => one.findings);
  return {
    examined: { check: "cluster", realm: question.realm, seen, findings },
    closed: found.flatMap(({ isClosed }, index) => (isClosed ? (clusters[index]?.name ?? []) : [])),
  };
}

interface Found extends Pick<Examined, "seen" | "findings"> {
  isClosed: boolean;
}

async function examineCluster(target: KubernetesTarget, question: ClusterQuestion): Promise<Found> {
  const { name } = target;
  try {
    const { openCluster } = await import("../fleet/kubernetes/cluster.ts");
    const cluster = await openCluster(target);
    const { realm, issuers } = question;
    const own = loginsByRealm(target, cluster.config.getCurrentUser(), realm, await issuers());
    const startedAt = Date.now();
    const failure = await failureOf(cluster.login());
    if (failure !== undefined) {
      const findings = [...own, loginFailed(name, realm, failure)];
      return { seen: `${name}: the login failed`, findings, isClosed: true };
    }
    const ms = Date.now() - startedAt;
    const { problems, missingRights } = await (await openTarget(target)).inspect(question.restart);
    const rights = [...problems, ...missingRights].map((text) =>
      findingFrom(text, { realm, severity: "problem", emergency: unproven }),
    );
    return {
      seen: `${name}: login took ${(ms / 1_000).toFixed(1)} s`,
      findings: [...own, ...judgeLogin(target, ms, question), ...rights],
      isClosed: rights.some(({ code }) => code === "KUBERNETES_LOGIN_REFUSED"),
    };
  } catch (error) {
    const finding = findingOf(error, { realm: question.realm, severity: "problem", emergency: unproven });
    return { seen: `${name}: not opened`, findings: [finding], isClosed: true };
  }
}

/** Why a login failed, without what its plugin has printed; undefined where it did not. */
async function failureOf(login: Promise<void>): Promise<string | undefined> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(`no answer within ${patienceMs / 1_000} s`), patienceMs);
  const done = login.then(
    () => undefined,
    (error: unknown) => {
      const { code } = error as { code?: unknown };
      return typeof code === "string" ? code : "it ended with an error";
    },
  );
  try {
    return await Promise.race([done, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function loginFailed(name: string, realm: string, why: string): Finding {
  return {
    code: "LOGIN_FAILED",
    severity: "problem",
    realm,
    what: `target ${name}: the login that its kubeconfig describes fails (${why})`,
    emergency: unproven,
    next: "try kubectl with that kubeconfig and context, install or repair its login plugin, and log in",
  };
}

/** A login that uses up the budget: nothing of that target is asked before the cut-over. Pure. */
export function judgeLogin(
  { name, workloads }: Pick<KubernetesTarget, "name" | "workloads">,
  ms: number,
  { realm, budgetSeconds, restart }: Pick<ClusterQuestion, "realm" | "budgetSeconds" | "restart">,
): Finding[] {
  if (ms <= budgetSeconds * 1_000) return [];
  const isRestarted = workloads.length > 0 && restart.strategy !== "refresh";
  return [
    {
      code: "LOGIN_SLOW",
      severity: isRestarted ? "warning" : "problem",
      realm,
      what: `target ${name}: the kubeconfig's login took ${(ms / 1_000).toFixed(1)} s, more than emergency.budgetSeconds (${budgetSeconds})`,
      emergency: `the key is disabled before its pods were asked, and only a restart can prove them: ${isRestarted ? "the run restarts them, which takes minutes" : "the run ends red"}`,
      next: "use a login that needs no plugin, such as a service account's token, or one that is cached",
    },
  ];
}

/** As much of a kubeconfig's user as says where it logs in. */
interface Login {
  exec?: unknown;
  authProvider?: unknown;
}

/** The cluster would be logged in to by the very realm whose keys are taken away. Pure. */
export function loginsByRealm(
  { name }: Pick<KubernetesTarget, "name">,
  user: Login | null,
  realm: string,
  issuers: readonly string[],
): Finding[] {
  const words = textsIn([user?.exec, user?.authProvider]);
  const isOwn = words.some((word) => issuers.some((issuer) => names(word, issuer)));
  if (!isOwn) return [];
  return [
    {
      code: "LOGIN_BY_THIS_REALM",
      severity: "warning",
      realm,
      what: `target ${name}: its kubeconfig logs in at realm ${realm}, whose keys an emergency disables`,
      emergency:
        "the API server may refuse that login until it has fetched the new keys, and after sessions.revoke: all nobody can log in without a browser: pods can't be proven then",
      next: "give the update a login of its own, such as a service account of the cluster",
    },
  ];
}

/** Every text in a value, at any depth: arguments, environment and settings of a plugin. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

/** Another realm's name may begin like this one's. */
function names(word: string, issuer: string): boolean {
  const at = word.indexOf(issuer);
  return at >= 0 && !/^[\w.~-]/.test(word.slice(at + issuer.length));
}
