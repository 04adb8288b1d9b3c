import type { Fleet } from "./fleet.ts";
import { type Identity, identity, type OpenInstance } from "./instances.ts";
import type { CallResult } from "./internal-call.ts";
import { emptyTargets, type Sweep, type SweepOptions, sweep } from "./sweep.ts";
import { openTargets, type Target } from "./targets.ts";

/** As much of a fleet as it takes to call an internal operation on every instance. */
export type CalledFleet = Pick<Fleet, "targets" | "refresh" | "apiRefreshTokens">;

/** The result of an internal operation on one instance. Holds no secret. */
export interface CalledInstance extends Identity, CallResult {
  instance: string;
  /** When the result was known, ISO 8601 UTC. */
  at: string;
}

/** The results of an internal operation on all instances. */
export interface CalledInstances {
  instances: CalledInstance[];
  /** Targets that could not be looked at or have no instance: a sentence each. */
  failures: string[];
}

/** Calls an internal operation on every instance of the targets. Never throws for an instance: a failure is a result. */
export async function callInstances(
  targets: readonly Target[],
  options: SweepOptions,
  call: (instance: OpenInstance) => Promise<CallResult>,
): Promise<CalledInstances> {
  const swept = await sweep(await openTargets(targets), options, async (instance) => ({
    instance: instance.name,
    ...identity(instance),
    ...(await call(instance)),
    at: new Date().toISOString(),
  }));
  return { instances: swept.results.map(({ value }) => value), failures: unaskedTargets(targets, swept) };
}

/** A sentence for each target that could not be looked at, or in which no instance was asked. */
export function unaskedTargets(
  targets: readonly Target[],
  { results, failures }: Pick<Sweep<unknown>, "results" | "failures">,
): string[] {
  const asked = results.map(({ instance }) => instance);
  return [
    ...failures.map(({ error }) => error.message),
    ...emptyTargets(targets, asked, failures).map(
      ({ name }) => `NO_INSTANCES: target ${name} has no instance that could be asked`,
    ),
  ];
}
