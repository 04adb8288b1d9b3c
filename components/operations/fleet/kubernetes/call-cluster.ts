import { setTimeout as delay } from "node:timers/promises";
import { RotationError } from "../../base/errors.ts";
import { type Cluster, forgetLogin } from "./cluster.ts";
import { type Action, clusterError, isPassing } from "./cluster-errors.ts";

type Called = Pick<Cluster, "target" | "config" | "login">;

const callTimeoutMs = 10_000;
const retryMs = 250;

/**
 * Calls the API server, and repeats the call while there is no answer that counts: it may be restarting.
 *
 * @param action what the call does, for the error: `list pods`
 * @param patienceMs how long the call is repeated. Default: 30 000
 * @throws {RotationError} KUBERNETES_UNREACHABLE, KUBERNETES_LOGIN_REFUSED, KUBERNETES_FORBIDDEN, KUBERNETES_UNEXPECTED_ANSWER
 */
export async function callCluster<T>(
  cluster: Called,
  action: Action,
  call: () => Promise<T>,
  patienceMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  const timeoutMs = Math.min(callTimeoutMs, Math.max(patienceMs, 1_000));
  for (;;) {
    try {
      return await within(timeoutMs, cluster.login().then(call));
    } catch (error) {
      if (!isPassing(error) || Date.now() >= deadline) throw refused(cluster, action, error);
      await delay(retryMs);
    }
  }
}

function refused(cluster: Called, action: Action, error: unknown): RotationError {
  const refusal = clusterError(cluster.target, action, error);
  if (refusal.code === "KUBERNETES_LOGIN_REFUSED") forgetLogin(cluster);
  return refusal;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Makes a call that was granted before, and repeats it while it is refused: an API server that has just started refuses
 * everything until it has read its roles.
 *
 * @param patienceMs milliseconds from the first refusal. Default: 10 000
 * @throws what the call throws
 */
export async function pastRefusals<T>(call: () => Promise<T>, patienceMs = 10_000): Promise<T> {
  let deadline: number | undefined;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      deadline ??= Date.now() + patienceMs;
      if (!isRefusal(error) || Date.now() >= deadline) throw error;
      await delay(retryMs);
    }
  }
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof RotationError)) return false;
  return error.code === "KUBERNETES_FORBIDDEN" || error.code === "KUBERNETES_LOGIN_REFUSED";
}
