import { type Client, type Dispatcher, errors } from "undici";
import { type Barrier, openBarrier } from "./barrier.ts";

/** New connections to an instance, for one question. */
export interface Lines {
  /** Each connects with its first request; none sends anything before all are open. */
  dispatchers: Dispatcher[];
  /** A server of one request per process serves nobody else while it waits for one, so they are closed at once. */
  close(): void;
}

/** Makes as many as are asked for. */
export type OpenLines = (count: number) => Lines;

/** One for all: undici would make one for each connection, and Node write its stack trace. That costs more than a request. */
const hungUp = new errors.ClientDestroyedError();

/** Closes a connection at once, whatever is under way on it. */
export function hangUp(client: Client): void {
  client.destroy(hungUp).catch(() => undefined);
}

/** @param connect makes one connection, and tells the barrier of it */
export function linesOver(connect: (barrier: Barrier) => Client): OpenLines {
  return (count) => {
    const barrier = openBarrier(count);
    const clients = Array.from({ length: count }, () => connect(barrier));
    return {
      dispatchers: clients,
      close: () => {
        for (const client of clients) hangUp(client);
      },
    };
  };
}
