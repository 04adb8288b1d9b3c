import pLimit, { type LimitFunction } from "p-limit";
import { buildConnector, Client, type Dispatcher } from "undici";
import { trimSlash } from "../keycloak/connection.ts";
import type { Barrier } from "./barrier.ts";
import { hangUp, linesOver, type OpenLines } from "./lines.ts";
import type { ProcessName } from "./process-name.ts";

/** One API process, as its target lists it. A kind of target may add facts of its own, which only that kind reads. */
export interface Instance {
  /** How it is named in output and evidence. */
  name: string;
  /** Its own base URL, never a load balancer's. For a pod behind a port-forward, a description. */
  url: string;
  /** The target that it was found in; absent for an instance of the static list. */
  target?: string;
  /** Tells it from an earlier or later instance with the same name: a pod's UID. */
  uid?: string;
  /** Why it is not ready; absent when it is ready. */
  notReady?: string;
  /** When it started, by its host's clock, rounded down to the second; ISO 8601 UTC. */
  startedAt?: string;
  /** When the restart that created it was requested; ISO 8601 UTC. */
  restartedAt?: string;
  /** What has to be restarted in order to restart it, such as `deployment/shop-api`. */
  workload?: string;
  /** Connections that are open to it at the same time, where it does not say how many processes it is. Default: 1. */
  connections?: number | undefined;
}

/** An instance with a connection of its own that stays open while one piece of work is done on it. */
export interface OpenInstance extends Instance {
  dispatcher: Dispatcher;
  /** Makes further connections, for those of its processes that this one does not lead to. Default: none can be made. */
  openLines?: OpenLines;
  /** Names of its processes that have answered so far. */
  processes?: Set<string>;
  /** Called with each answer: the process that gave it, where that names itself. */
  heard?: (process: ProcessName | undefined) => void;
  /** Called with true when the instance is asked again because its answer was not the expected one, and with false when that is over. */
  retrying?: (is: boolean) => void;
}

/** The name of the target that holds the instances listed in the stack config. They carry no target name themselves. */
export const staticName = "static";

/** What a result says about an instance in addition to its name. */
export interface Identity {
  target?: string | undefined;
  uid?: string | undefined;
}

/** The identity of an instance, to be kept in a result. */
export function identity({ target, uid }: Instance): Identity {
  return { ...(target === undefined ? {} : { target }), ...(uid === undefined ? {} : { uid }) };
}

/** The name of the target that an instance, or a result about one, belongs to. */
export function targetNameOf({ target }: Identity): string {
  return target ?? staticName;
}

/**
 * Which instance a result is about: the key of every map and set of instances. A pod is its target and its UID: a
 * target has one port, so two targets that reach one pod on two ports have two instances. An instance of the static
 * list is its name, which the config check keeps unique, like its URL.
 */
export function idOf({ instance, target, uid }: Identity & { instance: string }): string {
  return uid === undefined ? instance : `${targetNameOf({ target })}/${uid}`;
}

/** The same id, taken from the instance itself. */
export function instanceId({ name, target, uid }: Pick<Instance, "name" | "target" | "uid">): string {
  return idOf({ instance: name, target, uid });
}

/**
 * Opens a connection to an instance.
 *
 * @param barrier told of the connection once it is open, which sends nothing before it may. Default: it sends at once
 */
export type Connect = (instance: Instance, barrier?: Barrier) => Client;

const makeConnector = () => buildConnector({ timeout: 10_000 });

/** One for all without TLS: each has a cache of TLS sessions, which costs something even where there is no TLS. */
const plainConnector = makeConnector();

/** One connection to the instance's own URL. */
export const connectDirectly: Connect = ({ url }, barrier) => {
  const { origin, protocol } = new URL(url);
  const connector = protocol === "http:" ? plainConnector : makeConnector();
  const connect: buildConnector.connector = (options, done) =>
    connector(options, (error, socket) => {
      if (!socket) {
        barrier?.failed();
        done(error, null);
      } else if (barrier) void barrier.arrived().then(() => done(null, socket));
      else done(null, socket);
    });
  return new Client(origin, { connect, keepAliveTimeout: 30_000 });
};

/**
 * Does a piece of work on every instance, at most `concurrency` at a time (or as many as a shared limit allows), and
 * returns the results in the order of the instances. Each instance gets one connection, and where it is several processes
 * some more, which are closed when its work is done: ten thousand instances hold the sockets of `concurrency` instances.
 */
export async function onEveryInstance<T>(
  instances: readonly Instance[],
  concurrency: number | LimitFunction,
  work: (instance: OpenInstance) => Promise<T>,
  connect: Connect = connectDirectly,
): Promise<T[]> {
  const limit = typeof concurrency === "number" ? pLimit(concurrency) : concurrency;
  return limit.map(instances, async (instance) => {
    const dispatcher = connect(instance);
    const openLines = linesOver((barrier) => connect(instance, barrier));
    try {
      return await work({ ...instance, dispatcher, openLines, processes: new Set() });
    } finally {
      hangUp(dispatcher);
    }
  });
}

/** The URL of a path on an instance, below the path that its base URL may have. */
export function instanceUrl(instance: Instance, path: string): string {
  return `${trimSlash(instance.url)}${path}`;
}
