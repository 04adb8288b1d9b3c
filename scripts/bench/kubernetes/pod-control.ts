import { request } from "undici";
import type { PodsSeen } from "./simulated-pods.ts";

/** Has every pod forget its refresh: it accepts the canaries again, and not the fresh token. */
export async function resetPods(controlUrl: string): Promise<void> {
  const { body } = await request(controlUrl, { method: "POST" });
  await body.dump();
}

/**
 * Milliseconds until the last pod refused a canary for the first time.
 *
 * @param start by `Date.now()`, with fractions
 * @throws Error where a pod has not refused one
 */
export async function readWindow(controlUrl: string, start: number): Promise<number> {
  const { body } = await request(controlUrl);
  const { refusedAt } = (await body.json()) as PodsSeen;
  const last = Math.max(...refusedAt.map((at) => at ?? Number.POSITIVE_INFINITY));
  if (!Number.isFinite(last)) throw new Error("a pod has not refused a canary");
  return last - start;
}
