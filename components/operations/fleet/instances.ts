import pLimit, { type LimitFunction } from "p-limit";
import { Client, type Dispatcher } from "undici";
import { trimSlash } from "../keycloak/connection.ts";

/** One API process. */
export interface Instance {
  /** How it is called in output and evidence. */
  name: string;
  /** Its own base URL, never a load balancer's. Of a pod behind a port-forward, a description. */
  url: string;
  /** The target that it was found in; none for an instance of the static list. */
  target?: string;
  /** Where it is a pod. */
  pod?: PodFacts;
}

/** What is known of a pod beside its name. */
export interface PodFacts {
  namespace: string;
  /** Tells it from a later pod of the same name. */
  uid: string;
  port: number;
  /** The container that serves. */
  container: string;
  /** How often that container was restarted in place. */
  restarts: number;
  /** When it started, by the node's clock, to the second; ISO 8601 UTC. */
  startedAt?: string;
  /** When the restart was asked for that made it, where one did; ISO 8601 UTC. */
  restartedAt?: string;
  /** What it belongs to, as `deployment/shop-api`. */
  workload?: string;
  /** Why it is not ready, where it is not. */
  notReady?: string;
}

/** An instance with a connection of its own that is kept open for the length of one piece of work. */
export interface OpenInstance extends Instance {
  dispatcher: Dispatcher;
  /** Told when it is asked again because it did not answer as it should, and when that is over. */
  retrying?: (is: boolean) => void;
}

/** Tells an instance from every other one, earlier and later ones too. */
export function instanceId({ name, pod }: Pick<Instance, "name" | "pod">): string {
  return pod?.uid ?? name;
}

/** What a result says beside the name, where the instance is a pod. */
export interface Identity {
  target?: string | undefined;
  uid?: string | undefined;
}

export function identity({ target, pod }: Instance): Identity {
  return { ...(target === undefined ? {} : { target }), ...(pod ? { uid: pod.uid } : {}) };
}

/** Opens the connection to an instance. */
export type Connect = (instance: Instance) => Dispatcher;

/** One connection to the instance's own URL. */
export const connectDirectly: Connect = ({ url }) =>
  new Client(new URL(url).origin, { connectTimeout: 10_000, keepAliveTimeout: 30_000 });

/**
 * Does a piece of work on every instance, at most `concurrency` at a time (or what a limit shared with others allows),
 * and answers in the instances' order.
 * Each instance gets one connection, closed when its work is done: ten thousand instances hold `concurrency` sockets.
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
    try {
      return await work({ ...instance, dispatcher });
    } finally {
      dispatcher.destroy().catch(() => undefined);
    }
  });
}

/** The URL of a path on an instance, below the path that its base URL may have. */
export function instanceUrl(instance: Instance, path: string): string {
  return `${trimSlash(instance.url)}${path}`;
}
