import { type Instance, instanceId, type OpenInstance, onEveryInstance } from "./instances.ts";
import type { OpenTargets, Roster, TargetFailure } from "./targets.ts";

export interface SweepOptions {
  /** Instances worked on at a time. */
  concurrency: number;
  /** Milliseconds until a pod that is not ready is worked on all the same. 0: it is left out. */
  readyTimeoutMs: number;
  /** For how long an API server may give no answer, in milliseconds. Default: 30 000. */
  patienceMs?: number;
  /** Instances that need no work. Default: none. */
  skip?: (instance: Instance) => boolean;
  /** Lines that can be shown while pods are waited for. */
  progress?: (line: string) => void;
}

export interface Sweep<T> {
  /** Of every instance that was there at the last look, in the order of that look. */
  results: { instance: Instance; value: T }[];
  /** Instances that were worked on and have ended since. */
  departed: Instance[];
  /** Pods that were not ready and were left out. */
  waiting: Instance[];
  /** Targets that could not be looked at. What was found in them before is in the results all the same. */
  failures: TargetFailure[];
}

/** More looks than any real fleet needs; fewer than for ever. */
const maxRounds = 100;

/**
 * Does a piece of work once on every instance of the targets, and looks again until no new one has appeared: a pod
 * that starts while the others are worked on is worked on too. Pods are told apart by UID.
 */
export async function sweep<T>(
  targets: OpenTargets,
  options: SweepOptions,
  work: (instance: OpenInstance) => Promise<T>,
): Promise<Sweep<T>> {
  const done = new Map<string, { instance: Instance; value: T }>();
  const deadline = Date.now() + options.readyTimeoutMs;
  let told = "";
  for (let round = 1; ; round += 1) {
    const roster = await targets.list(options.patienceMs);
    const overdue = options.readyTimeoutMs > 0 && Date.now() >= deadline;
    const due = [...roster.ready, ...(overdue ? roster.waiting : [])].filter(
      (instance) => !done.has(instanceId(instance)) && options.skip?.(instance) !== true,
    );
    if (due.length > 0 && round <= maxRounds) {
      const values = await onEveryInstance(due, options.concurrency, work, targets.connect);
      for (const [index, instance] of due.entries()) {
        done.set(instanceId(instance), { instance, value: values[index] as T });
      }
      continue;
    }
    const waitingFor = overdue || options.readyTimeoutMs === 0 ? [] : unasked(roster, done);
    if (waitingFor.length === 0 || round > maxRounds) return finish(roster, done);
    told = tell(options, waitingFor, told);
    await roster.changed(Math.max(1, deadline - Date.now()));
  }
}

function unasked(roster: Roster, done: ReadonlyMap<string, unknown>): Instance[] {
  return roster.waiting.filter((instance) => !done.has(instanceId(instance)));
}

function tell({ progress }: SweepOptions, waiting: readonly Instance[], told: string): string {
  const names = waiting.slice(0, 5).map(({ name, pod }) => `${name} (${pod?.notReady ?? "not ready"})`);
  const more = waiting.length > 5 ? ` and ${waiting.length - 5} more` : "";
  const line = `waiting for ${names.join(", ")}${more}`;
  if (line !== told) progress?.(line);
  return line;
}

function finish<T>(roster: Roster, done: Map<string, { instance: Instance; value: T }>): Sweep<T> {
  const unseen = new Set(roster.failures.map(({ target }) => target));
  const listed = [...roster.ready, ...roster.waiting];
  const alive = new Map(listed.map((instance) => [instanceId(instance), instance]));
  const all = [...done.entries()];
  const kept = all.filter(([id, { instance }]) => alive.has(id) || unseen.has(instance.target ?? ""));
  const order = new Map(listed.map((instance, index) => [instanceId(instance), index]));
  const rank = ([id]: [string, unknown]) => order.get(id) ?? Number.MAX_SAFE_INTEGER;
  return {
    results: kept.toSorted((a, b) => rank(a) - rank(b)).map(([, result]) => result),
    departed: all.filter((entry) => !kept.includes(entry)).map(([, { instance }]) => instance),
    waiting: unasked(roster, done),
    failures: roster.failures,
  };
}
