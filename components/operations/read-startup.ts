import { setTimeout as delay } from "node:timers/promises";
import { RotationError } from "./errors.ts";
import type { Instance } from "./instances.ts";
import { clusterOf, type OpenTarget } from "./targets.ts";
import type { Startup } from "./verify-instance.ts";

/** A node may hand out a log a little later than its pod has written it. */
const lagMs = 4_000;
const lookMs = 500;

/** Looks for the JWKS bootstrap in a pod's start-up log. Never throws: a log that can't be read shows nothing. */
export async function readStartup(
  targets: readonly OpenTarget[],
  { name, target, pod }: Instance,
  bootstrapPattern: string,
  redact: (text: string) => string,
): Promise<Startup | undefined> {
  const cluster = clusterOf(targets, target)?.cluster;
  if (!cluster || pod?.startedAt === undefined) return undefined;
  const { startedAt, namespace, container } = pod;
  const { readBootstrap } = await import("./kubernetes/bootstrap-log.ts");
  const pattern = new RegExp(bootstrapPattern, "i");
  const deadline = Date.now() + lagMs;
  try {
    for (;;) {
      const { found, line, tail } = await readBootstrap(
        cluster,
        { namespace, name, container },
        pattern,
        redact,
      );
      if (found) return { bootstrap: "seen", startedAt, ...(line === undefined ? {} : { line }) };
      if (Date.now() > deadline) return { bootstrap: "missing", startedAt, tail };
      await delay(lookMs);
    }
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { bootstrap: "missing", startedAt, tail: [error.message] };
  }
}
