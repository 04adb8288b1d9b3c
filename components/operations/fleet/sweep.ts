import pLimit, { type LimitFunction } from "p-limit";
import { RotationError } from "../base/errors.ts";
import { openTally, paceLines, type Tally } from "../base/progress.ts";
import type { Attributes } from "../telemetry/span.ts";
import { inSpan } from "../telemetry/telemetry.ts";
import { type Instance, instanceId, type OpenInstance, onEveryInstance, targetNameOf } from "./instances.ts";
import type { ListedTarget, Roster } from "./target-kind.ts";

export interface SweepOptions<T = never> {
  /** Instances worked on at a time, over all targets. */
  concurrency: number;
  /** Milliseconds to wait for instances that are not ready. */
  readyTimeoutMs: number;
  /** What happens to instances that are still not ready then. Default: they are left out. */
  overdue?: "ask" | "leave-out";
  /** Milliseconds that a target's platform may give no answer. Default: 15 000. */
  patienceMs?: number;
  /** Instances that need no work. Default: none. */
  skip?: (instance: Instance) => boolean;
  /** When the sweep ends at the latest. Default: it takes as long as it takes. */
  deadline?: SweepDeadline<T>;
  /** Shows a line to the user: how far the sweep is, every two seconds, and which instances it is waiting for. */
  progress?: (line: string) => void;
}

/** Where a stolen key must not live on for an instance that does not answer. */
export interface SweepDeadline<T> {
  /** By `Date.now()`. */
  at: number;
  /** What is the result for an instance that has not been done with by then. */
  late: (instance: Instance) => T;
}

/** A target that can't be looked at, and why. */
export interface TargetFailure {
  target: string;
  error: RotationError;
}

export interface Sweep<T> {
  /** One for every instance that was there at the last look, in the order of that look. */
  results: { instance: Instance; value: T }[];
  /** Instances that were worked on and have ended since. */
  departed: Instance[];
  /** Instances that were not ready and were left out. */
  waiting: Instance[];
  /** Targets that could not be looked at. What was found in them before that is still in the results. */
  failures: TargetFailure[];
}

type Work<T> = (instance: OpenInstance) => Promise<T>;
type Done<T> = Map<string, { instance: Instance; value: T }>;

/** More looks than any real fleet needs, so that a sweep always ends. */
const maxRounds = 100;

/**
 * Does a piece of work once on every instance of the targets, and looks again until no new one has appeared: a pod
 * that starts in the meantime gets its turn too. Targets don't wait for one another.
 */
export async function sweep<T>(
  targets: readonly ListedTarget[],
  options: SweepOptions<T>,
  work: Work<T>,
): Promise<Sweep<T>> {
  const tally = openTally(options.progress ?? (() => undefined));
  const context = { options, limit: pLimit(options.concurrency), work, tally };
  try {
    const sweeps = await Promise.all(targets.map((target) => sweepTarget(target, context)));
    return {
      results: sweeps.flatMap(({ results }) => results),
      departed: sweeps.flatMap(({ departed }) => departed),
      waiting: sweeps.flatMap(({ waiting }) => waiting),
      failures: sweeps.flatMap(({ failures }) => failures),
    };
  } finally {
    tally.close();
  }
}

/** What the targets of a sweep have in common. */
interface Context<T> {
  options: SweepOptions<T>;
  limit: LimitFunction;
  work: Work<T>;
  tally: Tally;
}

async function sweepTarget<T>(target: ListedTarget, context: Context<T>): Promise<Sweep<T>> {
  const done: Done<T> = new Map();
  const paced = paceLines(context.options.progress ?? (() => undefined));
  try {
    const last = await workThrough(target, context, done, (line) => paced.line(line));
    return finish(target, context.options, last, done);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const failures = [{ target: target.name, error }];
    return { results: [...done.values()], departed: [], waiting: [], failures };
  } finally {
    paced.close("drop");
  }
}

/** Works until a look shows nothing that is left to do, and gives that look. */
async function workThrough<T>(
  target: ListedTarget,
  context: Context<T>,
  done: Done<T>,
  show: (line: string) => void,
): Promise<Roster> {
  const { options, tally } = context;
  const end = options.deadline?.at ?? Number.POSITIVE_INFINITY;
  const deadline = Math.min(end, Date.now() + options.readyTimeoutMs);
  let told = "";
  for (let round = 1; ; round += 1) {
    const roster = await target.list(Math.max(1, Math.min(options.patienceMs ?? 15_000, end - Date.now())));
    const overdue = Date.now() >= deadline;
    const asked = overdue && options.overdue === "ask" ? roster.waiting : [];
    const due = unasked([...roster.ready, ...asked], done).filter((one) => options.skip?.(one) !== true);
    const waiting = overdue ? [] : unasked(roster.waiting, done);
    if (due.length + waiting.length === 0 || round > maxRounds) return roster;
    tally.expect(target.name, done.size + due.length + waiting.length, target.noun ?? "instances");
    if (due.length > 0) await workOn(due, target, context, done);
    else {
      told = tell(show, waiting, told);
      await roster.changed(deadline - Date.now());
    }
  }
}

async function workOn<T>(
  due: readonly Instance[],
  target: ListedTarget,
  { limit, work, tally, options }: Context<T>,
  done: Done<T>,
): Promise<void> {
  await onEveryInstance(
    due,
    limit,
    async (opened) => {
      const { dispatcher: _dispatcher, openLines: _openLines, processes: _processes, ...instance } = opened;
      const id = instanceId(instance);
      const retrying = (is: boolean) => tally.retrying(id, is);
      const value = await inSpan(
        "instance",
        () => spanOf(instance, target),
        () => inTime(options.deadline, instance, () => work({ ...opened, retrying })),
      );
      done.set(id, { instance, value });
      tally.done(id);
    },
    target.connect,
  );
}

/** Work that is late goes on unheard: its connection is closed, which ends it. */
async function inTime<T>(
  deadline: SweepDeadline<T> | undefined,
  instance: Instance,
  work: () => Promise<T>,
): Promise<T> {
  if (!deadline) return work();
  const leftMs = deadline.at - Date.now();
  if (leftMs <= 0) return deadline.late(instance);
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(deadline.late(instance)), leftMs);
  const working = work();
  working.catch(() => undefined);
  try {
    return await Promise.race([working, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function spanOf(instance: Instance, { attributes }: ListedTarget): Attributes {
  return { "jwks.instance": instance.name, "jwks.target": instance.target, ...attributes?.(instance) };
}

function unasked(instances: readonly Instance[], done: ReadonlyMap<string, unknown>): Instance[] {
  return instances.filter((instance) => !done.has(instanceId(instance)));
}

/** Says which instances it is waiting for if they have changed; the reasons alone may change every second. */
function tell(show: (line: string) => void, waiting: readonly Instance[], told: string): string {
  const names = waiting.slice(0, 5).map(({ name, notReady }) => `${name} (${notReady ?? "not ready"})`);
  const more = waiting.length > 5 ? ` and ${waiting.length - 5} more` : "";
  const who = waiting.map(instanceId).join();
  if (who !== told) show(`waiting for ${names.join(", ")}${more}`);
  return who;
}

function finish<T>(
  { name }: ListedTarget,
  { skip }: Pick<SweepOptions, "skip">,
  { ready, waiting }: Roster,
  done: Done<T>,
): Sweep<T> {
  const alive = [...ready, ...waiting].map(instanceId);
  const ids = new Set(alive);
  const departed = [...done].filter(([id]) => !ids.has(id)).map(([, { instance }]) => instance);
  const left = unasked(ready, done).filter((instance) => skip?.(instance) !== true);
  return {
    results: alive.flatMap((id) => done.get(id) ?? []),
    departed,
    waiting: unasked(waiting, done),
    failures: left.length > 0 ? [{ target: name, error: unstable(name, left) }] : [],
  };
}

function unstable(target: string, left: readonly Instance[]): RotationError {
  return new RotationError(
    "PODS_NOT_STABLE",
    `target ${target}: new pods keep appearing, and ${left.length} were not asked`,
    {
      nextStep:
        "find out what keeps replacing them (a crash loop, an autoscaler), then run the same up again",
    },
  );
}

/**
 * The targets that could be looked at and have no instance. They must be reported: nothing found would otherwise look
 * like nothing wrong.
 */
export function emptyTargets<T extends { name: string }>(
  targets: readonly T[],
  found: readonly Instance[],
  failures: readonly Pick<TargetFailure, "target">[],
): T[] {
  const names = new Set([...found.map(targetNameOf), ...failures.map(({ target }) => target)]);
  return targets.filter(({ name }) => !names.has(name));
}
