import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiFleet } from "./api-fleet.ts";
import { FleetInstance } from "./fleet-instance.ts";
import {
  isBehaviour,
  isWorkersKind,
  type MisbehaviourKind,
  misbehaviours,
  workersUsage,
} from "./sample-api/misbehaviour.ts";

export type { FleetInstance } from "./fleet-instance.ts";

/** How many instances of a fleet misbehave in one way. */
export interface Misbehaviour {
  readonly kind: MisbehaviourKind;
  readonly count: number;
}

export interface FleetOptions {
  readonly count: number;
  readonly issuer: string;
  /** What the refresh operation demands. Where absent, the instances have no such operation. */
  readonly apiRefreshToken?: string;
  readonly audience?: string;
  /** The last instances misbehave, in this order. Default: none. */
  readonly misbehave?: readonly Misbehaviour[];
  /** More of the sample API's environment, such as CACHE_MAX_AGE_MS. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Processes of the sample API. They die with this process, however it ends. */
export interface Fleet extends ApiFleet {
  /** `api-1`, `api-2` … */
  readonly instances: readonly FleetInstance[];
  list(): Promise<readonly FleetInstance[]>;
  /** Stops all and removes their logs. */
  stop(): Promise<void>;
}

/**
 * Reads `KIND:COUNT`, such as `keep-cache:2`; the count's default is 1. The count of `prefork:4` and `workers:4:shared` is
 * that of the processes of one instance, and part of the kind.
 *
 * @throws Error that lists the known kinds where it is another
 */
export function parseMisbehave(text: string): Misbehaviour {
  if (isWorkersKind(text)) return { kind: text, count: 1 };
  const [kind, count = "1", ...rest] = text.split(":");
  if (kind === "prefork" || kind === "workers") {
    throw new Error(
      `${JSON.stringify(text)}: write ${workersUsage}, where COUNT is 2 to 32 processes of one instance`,
    );
  }
  if (!isBehaviour(kind) || kind === "none") {
    const known = [...misbehaviours, workersUsage].join(", ");
    throw new Error(`${JSON.stringify(kind)} is not a misbehaviour: use one of ${known}`);
  }
  if (!/^[1-9]\d{0,4}$/.test(count) || rest.length > 0) {
    throw new Error(`${JSON.stringify(text)}: write KIND:COUNT, where COUNT is a whole number of 1 or more`);
  }
  return { kind, count: Number(count) };
}

/** Starts processes of the sample API, and waits until each has fetched the issuer's keys. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const behaviours = (options.misbehave ?? []).flatMap(({ kind, count }) =>
    Array<MisbehaviourKind>(count).fill(kind),
  );
  if (behaviours.length > options.count) {
    throw new Error(`${behaviours.length} instances should misbehave, but only ${options.count} are started`);
  }
  const directory = await mkdtemp(join(tmpdir(), "lab-fleet-"));
  const healthy = options.count - behaviours.length;
  const instances = Array.from({ length: options.count }, (_, index) => {
    const name = `api-${index + 1}`;
    return new FleetInstance({
      name,
      directory,
      env: environment(options),
      behaviour: behaviours[index - healthy] ?? "none",
    });
  });
  const stop = async () => {
    await Promise.all(instances.map((instance) => instance.stop()));
    await rm(directory, { recursive: true, force: true });
  };
  const started = await Promise.allSettled(instances.map((instance) => instance.start()));
  const failed = started.find((result) => result.status === "rejected");
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { instances, list: async () => instances, stop };
}

function environment({ issuer, apiRefreshToken, audience, env }: FleetOptions): Record<string, string> {
  return {
    ISSUER: issuer,
    ...(apiRefreshToken === undefined ? {} : { INTERNAL_JWKS_REFRESH_TOKEN: apiRefreshToken }),
    ...(audience === undefined ? {} : { AUDIENCE: audience }),
    ...env,
  };
}
