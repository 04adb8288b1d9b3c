import { kubernetesKind } from "./kinds/kubernetes.ts";
import { staticKind } from "./kinds/static.ts";
import type { OpenTarget, TargetKind } from "./target-kind.ts";

export type { OpenTarget, Roster } from "./target-kind.ts";

/** Every kind of target, by the name that the config gives it. A new kind is registered here. */
const kinds = { static: staticKind, kubernetes: kubernetesKind };

type TargetOf<K> = K extends TargetKind<infer T> ? T : never;

/** A place where instances are found. */
export type Target = TargetOf<(typeof kinds)[keyof typeof kinds]>;

function kindOf({ kind }: Target): TargetKind<Target> {
  return kinds[kind];
}

/** Opens targets. A target that can't be opened says so when it is used. */
export function openTargets(targets: readonly Target[]): Promise<OpenTarget[]> {
  return Promise.all(targets.map(openTarget));
}

export function openTarget(target: Target): Promise<OpenTarget> {
  return kindOf(target).open(target);
}

/** Milliseconds to wait for instances that are not ready: the longest time that one of the targets asks for. */
export function readyTimeoutMs(targets: readonly Target[]): number {
  return Math.max(0, ...targets.map((target) => kindOf(target).readyTimeoutMs(target)));
}

/** The targets whose instances may come and go during a run. */
export function changingTargets(targets: readonly Target[]): Target[] {
  return targets.filter((target) => !kindOf(target).isFixed);
}

/** The target, with the number of connections that the stack has for all where it names none of its own. */
export function withConnections(target: Target, connections: number): Target {
  return kindOf(target).withConnections(target, connections);
}

/** What keeps each instance of the targets from being asked, a sentence each, as far as their addresses show it. */
export async function unclearIn(targets: readonly Target[]): Promise<string[]> {
  return (await Promise.all(targets.map((target) => kindOf(target).unclear(target)))).flat();
}

/** A target in a message: its name, and where to look for its instances. */
export function describeTarget(target: Target): string {
  return kindOf(target).describe(target);
}
