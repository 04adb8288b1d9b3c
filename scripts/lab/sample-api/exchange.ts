import type { IncomingMessage, ServerResponse } from "node:http";
import type { AccessLine, Log } from "./log.ts";

/** One request and its one answer, which is in the access log before the client has it. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly #response: ServerResponse;
  readonly #log: Log;
  readonly #listener: AccessLine["listener"];

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    log: Log,
    listener: AccessLine["listener"],
  ) {
    this.request = request;
    this.method = request.method ?? "GET";
    this.path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    this.#response = response;
    this.#log = log;
    this.#listener = listener;
    // What a caller sends is not read, but must be taken off the connection before the next request.
    request.resume();
  }

  /** Answers with JSON, or with no body. */
  answer(status: number, body?: unknown, headers: Record<string, string> = {}): void {
    this.#logStatus(status);
    const type = body === undefined ? {} : { "content-type": "application/json" };
    this.#response.writeHead(status, { "cache-control": "no-store", ...type, ...headers });
    this.#response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  /** Never answers. The connection stays open until its client gives up. */
  leaveOpen(): void {
    this.#logStatus(null);
  }

  /** Breaks the connection without an answer. */
  reset(): void {
    this.#logStatus(null);
    this.request.socket.destroy();
  }

  #logStatus(status: number | null): void {
    const at = new Date().toISOString();
    const authorization = this.request.headers.authorization !== undefined;
    const { method, path } = this;
    this.#log.access({ at, listener: this.#listener, method, path, status, authorization });
  }
}
