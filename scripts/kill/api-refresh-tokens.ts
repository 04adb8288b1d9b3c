import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "#operations/base/errors";
import type { CheckedConfig, InspectedRealm } from "#operations/config/inspect-stack";
import type { ConfiguredTarget } from "#operations/config/target-shape";
import { firstTokens, tokenKey } from "#operations/fleet/api-refresh-token";

export interface FoundTokens {
  /** Secret. What instances may have. */
  tokens: string[];
  warnings: string[];
}

/** A cluster that does not answer must not hold up the question. */
const patienceMs = 3_000;

/**
 * The bearer tokens of the instances' internal operations: the environment's, the config's, and those in the Secrets of
 * Kubernetes targets. One that the program has generated is in the state only, which the kill does without.
 */
export async function apiRefreshTokens(
  config: CheckedConfig,
  realms: readonly InspectedRealm[],
  env: NodeJS.ProcessEnv,
): Promise<FoundTokens> {
  const given = [env[tokenKey], config.apiRefreshToken].filter(
    (token) => token !== undefined && token !== "",
  );
  const targets = [config.targets, ...realms.flatMap(({ entry }) => entry.targets ?? [])].flat();
  const kept = await Promise.all(targets.map((target) => tokenInSecret(target)));
  const tokens = [...given, ...kept.flatMap(({ token }) => token ?? [])];
  const none = `there is no API refresh token: INSTANCES CAN'T BE REFRESHED, only restarted where that is configured, and what keeps its cache is red at the end; set ${tokenKey} to the token that they run with`;
  return {
    tokens: [...new Set(tokens.filter((token) => token !== undefined))],
    warnings: [
      ...kept.flatMap(({ problem }) => problem ?? []),
      ...(tokens.length === 0 && targets.length > 0 ? [none] : []),
    ],
  };
}

async function tokenInSecret(target: ConfiguredTarget): Promise<{ token?: string; problem?: string }> {
  if (target.kind !== "kubernetes" || !target.secret) return {};
  const { secret, name } = target;
  const problem = (why: string) => ({
    problem: `target ${name}: the API refresh token in Secret ${secret.name} could not be read (${why})`,
  });
  const late = delay(patienceMs, problem(`no answer within ${patienceMs / 1_000} s`), { ref: false });
  // Whoever has made it: it holds what the pods run with.
  const place = { target, secret: { ...secret, adopt: true } };
  const read = firstTokens({ given: "", place }).then(
    ([token]) => (token ? { token } : problem("it is not there")),
    (error: unknown) => problem(messageOf(error)),
  );
  return Promise.race([read, late]);
}
