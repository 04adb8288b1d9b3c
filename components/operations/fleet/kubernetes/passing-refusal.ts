import { setTimeout as delay } from "node:timers/promises";
import { RotationError } from "../../base/errors.ts";

const retryMs = 250;

/**
 * Makes a call that was granted before, and again while it is refused: an API server that has just started refuses
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
