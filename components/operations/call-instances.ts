import { type Identity, type Instance, identity, type OpenInstance } from "./instances.ts";
import type { CallResult } from "./internal-call.ts";
import { type SweepOptions, sweep } from "./sweep.ts";
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
  const { results, failures } = await sweep(await openTargets(targets), options, async (instance) => ({
    instance: instance.name,
    ...identity(instance),
    ...(await call(instance)),
    at: new Date().toISOString(),
  }));
  const failed = failures.map(({ target }) => target);
  return {
    instances: results.map(({ value }) => value),
    failures: [
      ...failures.map(({ error }) => error.message),
      ...emptyTargets(targets, results)
        .filter((name) => !failed.includes(name))
        .map((name) => `NO_INSTANCES: target ${name} has no instance that could be asked`),
    ],
  };
}

/** Names of the targets of which no instance was asked. */
export function emptyTargets(
  targets: readonly Target[],
  results: readonly { instance: Instance }[],
): string[] {
  const isAsked = ({ kind, name }: Target) =>
    results.some(({ instance: { target } }) => target === (kind === "static" ? undefined : name));
  return targets.filter((target) => !isAsked(target)).map(({ name }) => name);
}
