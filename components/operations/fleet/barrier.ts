/** Holds connections until all of a round are open. */
export interface Barrier {
  /** The connection is open. Resolves when it may be used. */
  arrived(): Promise<void>;
  /** There will be no connection: the others don't wait for it. */
  failed(): void;
}

/** One connection that takes long keeps the others for this long at most, in milliseconds. */
const longestMs = 1_000;

/**
 * A server that handles one request per process has to give a process to each connection that is open and silent: so
 * nothing is sent over any of them before all are open.
 *
 * @param count how many connections are made
 */
export function openBarrier(count: number): Barrier {
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = count;
  let timer: NodeJS.Timeout | undefined;
  const countDown = () => {
    timer ??= setTimeout(resolve, longestMs).unref();
    missing -= 1;
    if (missing > 0) return;
    clearTimeout(timer);
    resolve();
  };
  return {
    arrived() {
      countDown();
      return promise;
    },
    failed: countDown,
  };
}
