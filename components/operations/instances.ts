import pLimit from "p-limit";
import { Client, type Dispatcher } from "undici";
import { trimSlash } from "./connection.ts";

/** One API process. */
export interface Instance {
  /** How it is called in output and evidence. */
  name: string;
  /** Its own base URL, never a load balancer's. */
  url: string;
}

/** An instance with a connection of its own that is kept open for the length of one piece of work. */
export interface OpenInstance extends Instance {
  dispatcher: Dispatcher;
}

/**
 * Does a piece of work on every instance, at most `concurrency` at a time, and answers in the instances' order.
 * Each instance gets one connection, closed when its work is done: ten thousand instances hold `concurrency` sockets.
 */
export async function onEveryInstance<T>(
  instances: readonly Instance[],
  concurrency: number,
  work: (instance: OpenInstance) => Promise<T>,
): Promise<T[]> {
  const limit = pLimit(concurrency);
  return limit.map(instances, async (instance) => {
    const dispatcher = new Client(new URL(instance.url).origin, {
      connectTimeout: 10_000,
      keepAliveTimeout: 30_000,
    });
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
