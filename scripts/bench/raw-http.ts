import type { Socket } from "node:net";

/**
 * A whole HTTP answer, ready to be written.
 *
 * @param headers further header lines, such as `jwks-process: x; of=1`
 */
export function answer(status: string, body: string, headers: readonly string[] = []): Buffer {
  const all = ["content-type: application/json", `content-length: ${body.length}`, ...headers];
  return Buffer.from(`HTTP/1.1 ${status}\r\n${all.join("\r\n")}\r\n\r\n${body}`);
}

/**
 * Answers the requests of a connection, which have no bodies. Raw sockets instead of node:http: the server shares the
 * machine with the client that is measured, and must not be what is measured.
 *
 * @param respond is given each request's head
 */
export function answerRequests(respond: (head: string) => Buffer): (socket: Socket) => void {
  return (socket) => {
    let pending = "";
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      const requests = (pending + chunk.toString("latin1")).split("\r\n\r\n");
      pending = requests.pop() ?? "";
      for (const head of requests) socket.write(respond(head));
    });
  };
}

/** What a request carries as `Authorization`. */
export function authorizationOf(head: string): string | undefined {
  return /^authorization: (.*)$/im.exec(head)?.[1]?.trimEnd();
}
