import { type Identity, identity, type OpenInstance } from "./instances.ts";
import type { CallResult } from "./internal-call.ts";
import { type Sweep, type SweepOptions, sweep } from "./sweep.ts";
import { openTargets, type Target } from "./targets.ts";

/** What came of an internal operation on one instance. Holds no secret. */
export interface CalledInstance extends Identity, CallResult {
  instance: string;
  /** When it was known, ISO 8601 UTC. */
  at: string;
}

/** What came of an internal operation on all of them. */
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

/** A sentence for each target that could not be looked at, or of which no instance was asked. */
export function unaskedTargets(
  targets: readonly Target[],
  { results, failures }: Pick<Sweep<unknown>, "results" | "failures">,
): string[] {
  const isEmpty = ({ kind, name }: Target) =>
    !results.some(({ instance: { target } }) => target === (kind === "static" ? undefined : name)) &&
    !failures.some(({ target }) => target === name);
  return [
    ...failures.map(({ error }) => error.message),
    ...targets
      .filter(isEmpty)
      .map(({ name }) => `NO_INSTANCES: target ${name} has no instance that could be asked`),
  ];
}
