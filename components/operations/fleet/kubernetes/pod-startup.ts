import { setTimeout as delay } from "node:timers/promises";
import { RotationError } from "../../base/errors.ts";
import type { Startup, StartupLook } from "../read-startup.ts";
import { readBootstrap } from "./bootstrap-log.ts";
import type { Cluster } from "./cluster.ts";
import type { PodInstance } from "./kubernetes-target.ts";

/** A node may hand out a log a little later than its pod has written it. */
const lagMs = 4_000;
const lookMs = 500;

/**
 * Looks for the JWKS bootstrap in a pod's start-up log. Never throws: a log that can't be read shows nothing.
 *
 * @returns undefined if the pod has not started
 */
export async function readPodStartup(
  cluster: Cluster,
  { name, startedAt, pod: { namespace, container } }: PodInstance,
  { bootstrapPattern, redact }: StartupLook,
): Promise<Startup | undefined> {
  if (startedAt === undefined) return undefined;
  const pattern = new RegExp(bootstrapPattern, "i");
  const deadline = Date.now() + lagMs;
  try {
    for (;;) {
      const place = { namespace, name, container };
      const { found, line, tail } = await readBootstrap(cluster, place, pattern, redact);
      if (found) return { bootstrap: "seen", startedAt, ...(line === undefined ? {} : { line }) };
      if (Date.now() > deadline) return { bootstrap: "missing", startedAt, tail };
      await delay(lookMs);
    }
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { bootstrap: "missing", startedAt, tail: [error.message] };
  }
}
