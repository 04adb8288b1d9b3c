import type { Client, Dispatcher } from "undici";
import { type Barrier, openBarrier } from "./barrier.ts";

/** Makes further connections to an instance. */
export interface Lines {
  /**
   * As many new connections as asked for, each made with its first request. They send nothing before all of them are open,
   * and those of the time before are closed: one that is kept open leads to the same process for ever.
   */
  open(count: number): Dispatcher[];
  /** Closes those that are open: a server of one request per process serves nobody else while it waits for one. */
  close(): void;
}

/** @param connect makes one connection, and tells the barrier of it */
export function openLines(connect: (barrier: Barrier) => Client): Lines {
  let clients: Client[] = [];
  const close = () => {
    for (const client of clients) client.destroy().catch(() => undefined);
    clients = [];
  };
  return {
    open(count) {
      close();
      const barrier = openBarrier(count);
      clients = Array.from({ length: count }, () => connect(barrier));
      return clients;
    },
    close,
  };
}
