import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TestContext } from "node:test";
import { listenFor } from "./loopback-server.ts";

export interface ProcessOptions {
  /** How many there are. */
  count: number;
  /** Whether each answer carries `JWKS-Process`. Default: none does. */
  isNamed?: boolean;
  /** How many the header says there are. Default: as many as there are. */
  announced?: number;
  /** Whether a connection is closed after each answer, as a server of one request per process does. Default: it stays. */
  closes?: boolean;
}

export interface SeveralProcesses {
  url: string;
}

/** Stands in for several processes behind one port: each new connection is given to the next of them. */
export async function serveBySeveral(
  t: TestContext,
  { count, isNamed = false, announced = count, closes = false }: ProcessOptions,
  answer: (response: ServerResponse, request: IncomingMessage, process: number) => void,
): Promise<SeveralProcesses> {
  const processOf = new WeakMap<Socket, number>();
  let connected = 0;
  const server = createServer((request, response) => {
    const process = processOf.get(request.socket) ?? 0;
    if (isNamed) response.setHeader("JWKS-Process", `w${process}; of=${announced}`);
    if (closes) response.setHeader("connection", "close");
    request.resume().once("end", () => answer(response, request, process));
  });
  server.on("connection", (socket) => {
    processOf.set(socket, connected % count);
    connected += 1;
  });
  return { url: await listenFor(t, server) };
}
