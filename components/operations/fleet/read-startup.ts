import { setTimeout as delay } from "node:timers/promises";
import { RotationError } from "../base/errors.ts";
import type { Instance } from "./instances.ts";
import { clusterOf, type OpenTarget } from "./targets.ts";

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

/** The start of an instance that started after the retired keys' death. */
export interface Startup {
  /** Whether its start-up log shows that it fetched the keys. */
  bootstrap: "seen" | "missing";
  /** ISO 8601 UTC. */
  startedAt: string;
  /** The line that shows it. */
  line?: string;
  /** The log's last lines where none does. Holds no secret. */
  tail?: string[];
}

/**
 * Whether a pod's container started when the retired keys were dead already. A start is reported to the second,
 * rounded down, so one in that very second counts as before, unless the pod was made by a restart that was asked for
 * later than that.
 */
export function startedAfter({ pod }: Instance, retiredAt: string): boolean {
  const times = [pod?.startedAt, pod?.restartedAt].map((time) => Date.parse(time ?? ""));
  return pod?.startedAt !== undefined && times.some((time) => time >= Date.parse(retiredAt));
}
