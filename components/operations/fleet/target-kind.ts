import type { Attributes } from "../telemetry/span.ts";
import type { Connect, Instance } from "./instances.ts";
import type { StartupReader } from "./read-startup.ts";
import type { Restarter, RestartSettings } from "./restart.ts";

/**
 * One kind of place where instances run, with what is known of such a target before it is opened. Methods, not function
 * properties: they let the registry treat all kinds alike.
 */
export interface TargetKind<T> {
  /** Whether its instances are the same throughout a run, so that looking for new ones is pointless. */
  isFixed: boolean;
  /** Milliseconds to wait for instances that are not ready. */
  readyTimeoutMs(target: T): number;
  /** The target in a message: its name, and where to look for its instances. */
  describe(target: T): string;
  /** The target, with the number of connections that the stack has for all where it names none of its own. */
  withConnections(target: T, connections: number): T;
  /** What keeps each of its instances from being asked, a sentence each, as far as their addresses show it. */
  unclear(target: T): Promise<string[]>;
  /** Opens the target. A target that can't be opened says so when it is used. */
  open(target: T): Promise<OpenTarget>;
}

/** The instances that a target has at one moment. */
export interface Roster {
  ready: Instance[];
  /** Instances that are not ready. */
  waiting: Instance[];
  /** Resolves when an instance has changed since then, or the time is up. */
  changed(ms: number): Promise<void>;
}

/** A target whose instances can be listed and connected to. */
export interface ListedTarget {
  name: string;
  /** What its instances are called, in the plural. Default: `instances`. */
  noun?: string;
  /**
   * @param patienceMs how long the platform may give no answer
   * @throws {RotationError} with the platform's own code, such as KUBERNETES_UNREACHABLE
   */
  list(patienceMs: number): Promise<Roster>;
  connect: Connect;
  /** What a span says about an instance in addition to its name and target. Default: nothing. */
  attributes?(instance: Instance): Attributes;
}

/** A target that was opened: it answers for its kind. */
export interface OpenTarget extends ListedTarget, StartupReader, Restarter {
  /**
   * Finds out which instances are unreachable, without sending a request to any of them.
   *
   * @param patienceMs how long the platform, or one instance, may give no answer
   * @throws {RotationError} with the platform's own code
   */
  reach(patienceMs: number): Promise<Reach>;
  /** Looks, without changing anything, for what would make a run fail here. */
  inspect(settings: Pick<RestartSettings, "strategy" | "command">): Promise<TargetInspection>;
  /** The shell command that makes one instance fetch the current keys. */
  fixCommand(instance: Instance, context: FixContext): Promise<string>;
}

/** How many instances a target has now, and which of them can't be reached. */
export interface Reach {
  instances: number;
  /** By name. */
  unreachable: string[];
}

/** What is wrong with a target; empty lists if nothing is. */
export interface TargetInspection {
  problems: string[];
  /** What this program may not do there although an `up` has to; a preview can do without. */
  missingRights: string[];
  /** A platform that does not answer: not a mistake in the config, and so no reason to refuse it. */
  warnings: string[];
}

/** What a command that fixes an instance needs to know. */
export interface FixContext {
  /** Path of the instances' refresh operation. */
  refreshPath: string;
  /** The stack's name. */
  stack: string;
}
