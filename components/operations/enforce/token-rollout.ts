import { RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { redactor } from "../base/redact.ts";
import type { Instance } from "../fleet/instances.ts";
import type { KubernetesTarget } from "../fleet/kubernetes/kubernetes-target.ts";
import { readStartup, startedAfter } from "../fleet/read-startup.ts";
import { type RefreshResult, type RefreshSettings, refreshInstance } from "../fleet/refresh.ts";
import { type RestartSettings, restartAll } from "../fleet/restart.ts";
import { type Sweep, sweep } from "../fleet/sweep.ts";
import { type OpenTarget, openTargets } from "../fleet/targets.ts";

export interface TokenRolloutRequest {
  target: KubernetesTarget;
  refresh: RefreshSettings;
  restart: RestartSettings;
  /** Secret. The token that the pods shall have comes first. */
  tokens: string[];
  /** When that token was made, ISO 8601 UTC. */
  changedAt: string;
  /** Kids that a refreshed pod has. */
  newKids: string[];
  /** Kids that it no longer has. */
  retiredKids: string[];
}

export interface TokenRolloutResult {
  /** ISO 8601 UTC. */
  finishedAt: string;
  /** Pods that have shown that they take the token. */
  pods: string[];
  restarted: string[];
}

type Asked = Sweep<RefreshResult>;

/**
 * Sees to it that every pod takes the API refresh token. Pods read it from their Secret only when they start: where one
 * does not take it yet, its workload is restarted, and each pod that has started then must show the JWKS bootstrap.
 *
 * @param progress lines that can be shown
 * @throws {RotationError} API_REFRESH_TOKEN_NOT_TAKEN, BOOTSTRAP_NOT_SEEN, WORKLOAD_NOT_RESTARTABLE, ROLLOUT_STUCK, or a
 *   Kubernetes code
 */
export async function rollOutToken(
  request: TokenRolloutRequest,
  progress: (line: string) => void,
): Promise<TokenRolloutResult> {
  const targets = await openTargets([request.target]);
  const first = await askAll(targets, request, progress);
  const without = first.results.filter(({ value }) => value.outcome === "failed");
  if (without.length === 0) return done(first, []);
  const startedAt = new Date().toISOString();
  const redact = redactor(request.tokens);
  const candidates = without.map(({ instance, value }) => ({
    instance,
    reason: `does not take the API refresh token (${value.reason})`,
  }));
  const { restart: settings, changedAt: after } = request;
  const restarts = await restartAll(candidates, { targets, settings, after, redact, progress });
  const failed = restarts.filter(({ outcome }) => outcome === "failed");
  if (failed.length > 0) {
    throw notTaken(
      request.target.name,
      failed.map(({ subject, reason }) => `${subject}: ${reason}`),
    );
  }
  const second = await askAll(targets, request, progress);
  const still = second.results.filter(({ value }) => value.outcome === "failed");
  if (still.length > 0) {
    throw notTaken(
      request.target.name,
      still.map(({ value }) => `${value.instance}: ${value.reason}`),
    );
  }
  await seeBootstraps(targets, second, startedAt, request, redact);
  return done(
    second,
    restarts.map(({ subject }) => subject),
  );
}

async function askAll(
  targets: readonly OpenTarget[],
  { target, refresh, tokens, newKids, retiredKids }: TokenRolloutRequest,
  progress: (line: string) => void,
): Promise<Asked> {
  const options = {
    concurrency: refresh.concurrency,
    readyTimeoutMs: target.readyTimeoutMs,
    overdue: "ask",
    progress,
  } as const;
  const asked = await sweep(targets, options, (instance) =>
    refreshInstance(instance, refresh, tokens.slice(0, 1), { present: newKids, absent: retiredKids }),
  );
  const [failure] = asked.failures;
  if (failure) throw failure.error;
  if (asked.results.length > 0) return asked;
  throw new RotationError("NO_INSTANCES", `target ${target.name} has no pod to take the API refresh token`, {
    nextStep: "mend the target's namespace and selector, then run the same up again",
  });
}

async function seeBootstraps(
  targets: readonly OpenTarget[],
  { results }: Asked,
  startedAt: string,
  { restart, target }: TokenRolloutRequest,
  redact: (text: string) => string,
): Promise<void> {
  const since = new Date(Math.floor(Date.parse(startedAt) / 1000) * 1000).toISOString();
  const young = results.map(({ instance }) => instance).filter((instance) => startedAfter(instance, since));
  const startups = await Promise.all(
    young.map(async (instance): Promise<[Instance, string[]] | undefined> => {
      const startup = await readStartup(targets, instance, restart.bootstrapPattern, redact);
      return startup?.bootstrap === "missing" ? [instance, startup.tail ?? []] : undefined;
    }),
  );
  const [missing] = startups.filter((one) => one !== undefined);
  if (!missing) return;
  const [{ name }, tail] = missing;
  throw new RotationError(
    "BOOTSTRAP_NOT_SEEN",
    `${name} in target ${target.name} has started with the new API refresh token, and its log shows no JWKS bootstrap; its last lines:\n  ${tail.slice(-5).join("\n  ")}\n`,
    {
      nextStep: "see why it can't fetch the keys, or set restart.bootstrapPattern to the line that it writes",
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
    `target ${target} has pods without the present API refresh token: ${listNames(details)}`,
    {
      nextStep:
        "see that they read INTERNAL_JWKS_REFRESH_TOKEN from the Secret and that their workload is listed, then run the same up again",
    },
  );
}
