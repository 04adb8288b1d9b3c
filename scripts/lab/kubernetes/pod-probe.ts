import { setTimeout as pause } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import type { PodAddress } from "./pod-address.ts";

/** Until a pod has been ready once, it is asked more often than a kubelet would: the lab need not wait. */
const startPeriodMs = 100;

/**
 * Asks a pod's own health endpoint, as its readiness probe says (by default `/healthz`, every ten seconds, three
 * failures in a row), and tells each change.
 *
 * @param onChange whether the pod is ready from now on; the first call is always `true`
 * @throws the signal's reason; it never returns
 */
export async function probeReadiness(
  pod: V1Pod,
  address: PodAddress,
  onChange: (ready: boolean) => Promise<void>,
  signal: AbortSignal,
): Promise<never> {
  const probe = pod.spec?.containers[0]?.readinessProbe;
  const url = `http://${address.host}:${address.port}${probe?.httpGet?.path ?? "/healthz"}`;
  const timeoutMs = (probe?.timeoutSeconds ?? 1) * 1000;
  const periodMs = (probe?.periodSeconds ?? 10) * 1000;
  let ready = false;
  let wasReady = false;
  for (let failures = 0; ; ) {
    const healthy = await isHealthy(url, timeoutMs);
    signal.throwIfAborted();
    failures = healthy ? 0 : failures + 1;
    const next: boolean = healthy || (ready && failures < (probe?.failureThreshold ?? 3));
    if (next !== ready) await onChange(next);
    ready = next;
    wasReady ||= ready;
    await pause(wasReady ? periodMs : startPeriodMs, undefined, { signal });
  }
}

async function isHealthy(url: string, timeoutMs: number): Promise<boolean> {
  try {
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
    await response.body?.cancel();
    return response.status >= 200 && response.status < 400;
  } catch {
    return false;
  }
}
