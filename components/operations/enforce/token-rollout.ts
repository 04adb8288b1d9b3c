import { RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { redactor } from "../base/redact.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { KubernetesTarget } from "../fleet/kubernetes/kubernetes-target.ts";
import { readStartup, startedAfter } from "../fleet/read-startup.ts";
import { type RefreshExpectation, type RefreshResult, refreshInstance } from "../fleet/refresh.ts";
import { type RestartContext, type RestartResult, restartAll } from "../fleet/restart.ts";
import { type Sweep, sweep } from "../fleet/sweep.ts";
import { type OpenTarget, openTargets } from "../fleet/targets.ts";

export interface TokenRolloutRequest {
  target: KubernetesTarget;
  fleet: Pick<Fleet, "refresh" | "restart">;
  /** Secret. The token that the pods must accept comes first. */
  tokens: string[];
  /** When that token was made, ISO 8601 UTC. */
  changedAt: string;
  /** What a refreshed pod knows. */
  expectation: RefreshExpectation;
}

/** What the steps of one rollout have in common. */
interface Rollout extends RestartContext {
  targets: readonly OpenTarget[];
}

export interface TokenRolloutResult {
  /** ISO 8601 UTC. */
  finishedAt: string;
  /** Pods that have shown that they accept the token. */
  pods: string[];
  restarted: string[];
}

type Asked = Sweep<RefreshResult>;

/**
 * Makes sure that every pod accepts the API refresh token. Pods read it from their Secret only when they start: where one
 * does not accept it yet, its workload is restarted, and each pod that has started then must show the JWKS bootstrap.
 *
 * @param progress lines that can be shown
 * @throws {RotationError} API_REFRESH_TOKEN_NOT_TAKEN, BOOTSTRAP_NOT_SEEN, WORKLOAD_NOT_RESTARTABLE, ROLLOUT_STUCK, or a
 *   Kubernetes code
 */
export async function rollOutToken(
  request: TokenRolloutRequest,
  progress: (line: string) => void,
): Promise<TokenRolloutResult> {
  const { target, fleet, tokens, changedAt } = request;
  const targets = await openTargets([target]);
  const first = await askAll(targets, request, progress);
  if (refusing(first).length === 0) return done(first, []);
  const startedAt = new Date().toISOString();
  const context = { targets, settings: fleet.restart, after: changedAt, redact: redactor(tokens), progress };
  const restarts = await restartRefusing(first, target.name, context);
  const second = await askAll(targets, request, progress);
  const still = refusing(second).map(({ value }) => `${value.instance}: ${value.reason}`);
  if (still.length > 0) throw notTaken(target.name, still);
  await seeBootstraps(second, target.name, startedAt, context);
  return done(
    second,
    restarts.map(({ subject }) => subject),
  );
}

function refusing({ results }: Asked): Asked["results"] {
  return results.filter(({ value }) => value.outcome === "failed");
}

async function restartRefusing(asked: Asked, target: string, context: Rollout): Promise<RestartResult[]> {
  const candidates = refusing(asked).map(({ instance, value }) => ({
    instance,
    reason: `does not accept the API refresh token (${value.reason})`,
  }));
  const restarts = await restartAll(candidates, context);
  const failed = restarts.filter(({ outcome }) => outcome === "failed");
  if (failed.length === 0) return restarts;
  throw notTaken(
    target,
    failed.map(({ subject, reason }) => `${subject}: ${reason}`),
  );
}

async function askAll(
  targets: readonly OpenTarget[],
  { target, fleet: { refresh }, tokens, expectation }: TokenRolloutRequest,
  progress: (line: string) => void,
): Promise<Asked> {
  const options = {
    concurrency: refresh.concurrency,
    readyTimeoutMs: target.readyTimeoutMs,
    overdue: "ask",
    progress,
  } as const;
  const asked = await sweep(targets, options, (instance) =>
    refreshInstance(instance, refresh, tokens.slice(0, 1), expectation),
  );
  const [failure] = asked.failures;
  if (failure) throw failure.error;
  if (asked.results.length > 0) return asked;
  throw new RotationError(
    "NO_INSTANCES",
    `target ${target.name} has no pod that could accept the API refresh token`,
    { nextStep: "fix the target's namespace and selector, then run the same up again" },
  );
}

/** @throws {RotationError} BOOTSTRAP_NOT_SEEN for a pod that has started since, without one in its log */
async function seeBootstraps(
  { results }: Asked,
  target: string,
  startedAt: string,
  { targets, settings, redact }: Rollout,
): Promise<void> {
  const since = new Date(Math.floor(Date.parse(startedAt) / 1000) * 1000).toISOString();
  const young = results.map(({ instance }) => instance).filter((instance) => startedAfter(instance, since));
  const startups = await Promise.all(
    young.map(async (instance) => ({
      name: instance.name,
      startup: await readStartup(targets, instance, settings.bootstrapPattern, redact),
    })),
  );
  const missing = startups.find(({ startup }) => startup?.bootstrap === "missing");
  if (!missing) return;
  const tail = (missing.startup?.tail ?? []).slice(-5).join("\n  ");
  throw new RotationError(
    "BOOTSTRAP_NOT_SEEN",
    `${missing.name} in target ${target} has started with the new API refresh token, and its log shows no JWKS bootstrap; its last lines:\n  ${tail}\n`,
    {
      nextStep:
        "find out why it can't fetch the keys, or set restart.bootstrapPattern to the line that it logs",
    },
  );
}

function done({ results }: Asked, restarted: string[]): TokenRolloutResult {
  return {
    finishedAt: new Date().toISOString(),
    pods: results.map(({ instance }) => instance.name),
    restarted,
  };
}

function notTaken(target: string, details: readonly string[]): RotationError {
  return new RotationError(
    "API_REFRESH_TOKEN_NOT_TAKEN",
    `target ${target} has pods that do not accept the current API refresh token: ${listNames(details)}`,
    {
      nextStep:
        "check that they read INTERNAL_JWKS_REFRESH_TOKEN from the Secret and that their workload is listed, then run the same up again",
    },
  );
}
