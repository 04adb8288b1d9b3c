import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
  /** The body as it came. */
  bytes: Buffer;
}

export interface LoopbackServer {
  url: string;
  /** Every request so far, in order. */
  received: Received[];
}

export type Answer = (response: ServerResponse, request: Received, count: number) => void;

/** A real HTTP server on a free loopback port; it ends with the test. */
export async function serve(t: TestContext, answer: Answer): Promise<LoopbackServer> {
  const received: Received[] = [];
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = request;
    const bytes = Buffer.concat(chunks);
    const one = { method, url, headers, body: bytes.toString(), bytes };
    received.push(one);
    answer(response, one, received.length);
  };
  const server = createServer((request, response) => {
    Promise.resolve(listener(request, response)).catch(() => response.destroy());
  });
  return { url: await listenFor(t, server), received };
}

/** Has a server listen on a free loopback port until the test ends. @returns its URL */
export async function listenFor(t: TestContext, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    if (server.listening) await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The URL of a loopback port on which nothing listens any more. */
export async function refusingUrl(): Promise<string> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
