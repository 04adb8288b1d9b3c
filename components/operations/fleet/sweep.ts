import pLimit, { type LimitFunction } from "p-limit";
import { RotationError } from "../base/errors.ts";
import { openTally, paceLines, type Tally } from "../base/progress.ts";
import type { Attributes } from "../telemetry/span.ts";
import { inSpan } from "../telemetry/telemetry.ts";
import { type Instance, instanceId, type OpenInstance, onEveryInstance } from "./instances.ts";
import type { OpenTarget, Roster, Target } from "./targets.ts";

export interface SweepOptions {
  /** Instances worked on at a time, over all targets. */
  concurrency: number;
  /** Milliseconds that pods which are not ready are waited for. */
  readyTimeoutMs: number;
  /** What becomes of those that are still not ready then. Default: they are left out. */
  overdue?: "ask" | "leave-out";
  /** For how long an API server may give no answer, in milliseconds. Default: 15 000. */
  patienceMs?: number;
  /** Instances that need no work. Default: none. */
  skip?: (instance: Instance) => boolean;
  /** Lines that can be shown: how far it is, every two seconds, and which pods are waited for. */
  progress?: (line: string) => void;
}

/** A target that can't be looked at, and why. */
export interface TargetFailure {
  target: string;
  error: RotationError;
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

type Work<T> = (instance: OpenInstance) => Promise<T>;
type Done<T> = Map<string, { instance: Instance; value: T }>;

/** More looks than any real fleet needs; fewer than for ever. */
const maxRounds = 100;

/**
 * Does a piece of work once on every instance of the targets, and looks again until no new one has appeared: a pod
 * that starts while the others are worked on is worked on too. Pods are told apart by UID. Targets don't wait for one
 * another.
 */
export async function sweep<T>(
  targets: readonly OpenTarget[],
  options: SweepOptions,
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
  options: SweepOptions;
  limit: LimitFunction;
  work: Work<T>;
  tally: Tally;
}

async function sweepTarget<T>(target: OpenTarget, context: Context<T>): Promise<Sweep<T>> {
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
  target: OpenTarget,
  context: Context<T>,
  done: Done<T>,
  show: (line: string) => void,
): Promise<Roster> {
  const { options, tally } = context;
  const deadline = Date.now() + options.readyTimeoutMs;
  let told = "";
  for (let round = 1; ; round += 1) {
    const roster = await target.list(options.patienceMs ?? 15_000);
    const overdue = Date.now() >= deadline;
    const asked = overdue && options.overdue === "ask" ? roster.waiting : [];
    const due = unasked([...roster.ready, ...asked], done).filter((one) => options.skip?.(one) !== true);
    const waiting = overdue ? [] : unasked(roster.waiting, done);
    if (due.length + waiting.length === 0 || round > maxRounds) return roster;
    tally.expect(target.name, done.size + due.length + waiting.length, nounOf([...due, ...waiting]));
    if (due.length > 0) await workOn(due, target, context, done);
    else {
      told = tell(show, waiting, told);
      await roster.changed(deadline - Date.now());
    }
  }
}

async function workOn<T>(
  due: readonly Instance[],
  { connect }: OpenTarget,
  { limit, work, tally }: Context<T>,
  done: Done<T>,
): Promise<void> {
  await onEveryInstance(
    due,
    limit,
    async ({ dispatcher, ...instance }) => {
      const id = instanceId(instance);
      const retrying = (is: boolean) => tally.retrying(id, is);
      const value = await inSpan(
        "instance",
        () => spanOf(instance),
        () => work({ ...instance, dispatcher, retrying }),
      );
      done.set(id, { instance, value });
      tally.done(id);
    },
    connect,
  );
}

function nounOf(instances: readonly Instance[]): "pods" | "instances" {
  return instances.every(({ pod }) => pod) ? "pods" : "instances";
}

function spanOf({ name, target, pod }: Instance): Attributes {
  return { "jwks.instance": name, "jwks.target": target, "k8s.pod.uid": pod?.uid };
}

function unasked(instances: readonly Instance[], done: ReadonlyMap<string, unknown>): Instance[] {
  return instances.filter((instance) => !done.has(instanceId(instance)));
}

/** Says whom it waits for when that has changed; why a pod is not ready may change by the second. */
function tell(show: (line: string) => void, waiting: readonly Instance[], told: string): string {
  const names = waiting.slice(0, 5).map(({ name, pod }) => `${name} (${pod?.notReady ?? "not ready"})`);
  const more = waiting.length > 5 ? ` and ${waiting.length - 5} more` : "";
  const who = waiting.map(instanceId).join();
  if (who !== told) show(`waiting for ${names.join(", ")}${more}`);
  return who;
}

function finish<T>(
  { name }: OpenTarget,
  { skip }: SweepOptions,
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
    { nextStep: "find what keeps replacing them (a crash loop, an autoscaler), then run the same up again" },
  );
}

/** The targets that could be looked at and have no instance: to be told, or nothing found would look as if all were well. */
export function emptyTargets(
  targets: readonly Target[],
  found: readonly Instance[],
  failures: readonly TargetFailure[],
): Target[] {
  return targets
    .filter(({ name }) => !failures.some(({ target }) => target === name))
    .filter((target) =>
      target.kind === "static"
        ? target.instances.length === 0
        : !found.some((instance) => instance.target === target.name),
    );
}
