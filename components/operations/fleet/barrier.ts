/** What a connector tells a barrier of the connection that it makes. */
export interface Barrier {
  /** The connection is open. Resolves when it may be used. */
  arrived(): Promise<void>;
  /** There will be no connection: the others don't wait for it. */
  failed(): void;
}

/** Holds connections until all of a round are open. */
export interface OpenBarrier extends Barrier {
  /** Begins a round in which this many connections are made. */
  expect(count: number): void;
}

/** One connection that takes long keeps the others for this long at most, in milliseconds. */
const longestMs = 1_000;

/**
 * A server that handles one request per process has to give a process to each connection that is open and silent: so
 * nothing is sent over any of them before all are open.
 */
export function openBarrier(): OpenBarrier {
  let missing = 0;
  let held: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  const release = () => {
    clearTimeout(timer);
    for (const go of held) go();
    held = [];
  };
  const countDown = () => {
    missing -= 1;
    if (missing <= 0) release();
  };
  return {
    expect(count) {
      release();
      missing = count;
      timer = setTimeout(release, longestMs).unref();
    },
    arrived() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held.push(resolve);
      countDown();
      return promise;
    },
    failed: countDown,
  };
}
