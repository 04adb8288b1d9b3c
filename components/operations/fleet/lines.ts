import type { Client, Dispatcher } from "undici";
import { type Barrier, openBarrier } from "./barrier.ts";

/** Further connections to an instance, made when they are first needed. */
export interface Lines {
  /** As many connections as asked for. Those that are still to be made send nothing before all of them are open. */
  open(count: number): Dispatcher[];
  /** Closes those that are open, so that the next ones are new: they may lead to other processes. */
  close(): void;
}

/** @param connect makes one connection, and tells the barrier of it */
export function openLines(connect: (barrier: Barrier) => Client): Lines {
  let lines: Line[] = [];
  const barrier = openBarrier();
  const close = () => {
    for (const { client } of lines) client.destroy().catch(() => undefined);
    lines = [];
  };
  return {
    open(count) {
      while (lines.length < count) lines.push(openLine(connect(barrier)));
      const used = lines.slice(0, count);
      barrier.expect(used.filter(({ isOpen }) => !isOpen).length);
      return used.map(({ client }) => client);
    },
    close,
  };
}

interface Line {
  client: Client;
  isOpen: boolean;
}

/** A server may close a connection after each answer: it is then made anew with the next request. */
function openLine(client: Client): Line {
  const line = { client, isOpen: false };
  client.on("connect", () => {
    line.isOpen = true;
  });
  client.on("disconnect", () => {
    line.isOpen = false;
  });
  return line;
}
