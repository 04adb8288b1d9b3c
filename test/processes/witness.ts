import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";

/** How often a token was accepted (200), rejected (401), or neither: another status, or no answer. */
export interface Answers {
  accepted: number;
  rejected: number;
  other: number;
}

/** What {@link askOverNewConnections} saw. */
export interface Witnessed extends Answers {
  /** The same by process, as the header `JWKS-Process` names it. Empty where answers carry none. */
  readonly byProcess: Map<string, Answers>;
}

export interface Asking {
  /** Default 40. */
  readonly connections?: number;
  /** How many are open at the same time before any of them sends its request. Default 1: one after the other. */
  readonly atOnce?: number;
}

type Outcome = { verdict: keyof Answers; name: string | undefined };

/**
 * Asks `/api/me` with a token, each time over a connection of its own: what the server behind the port does,
 * by none of the program's own code.
 *
 * @param url of the server, without a path
 */
export async function askOverNewConnections(
  url: string,
  token: string,
  { connections = 40, atOnce = 1 }: Asking = {},
): Promise<Witnessed> {
  const witnessed: Witnessed = { ...none(), byProcess: new Map() };
  for (let asked = 0; asked < connections; asked += atOnce) {
    const sockets = await Promise.all(
      Array.from({ length: Math.min(atOnce, connections - asked) }, () => opened(new URL(url))),
    );
    for (const outcome of await Promise.all(sockets.map((socket) => ask(url, token, socket))))
      count(witnessed, outcome);
  }
  return witnessed;
}

async function opened({ hostname, port }: URL): Promise<Socket> {
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  // One that the server closes before it is used is seen by its request.
  socket.on("error", () => undefined);
  return socket;
}

async function ask(url: string, token: string, socket: Socket): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const headers = { authorization: `Bearer ${token}` };
  // No agent: with one, even `agent: false`, Node would not use this socket. Without, it also closes it after the answer.
  const asking = request(`${url}/api/me`, { createConnection: () => socket, headers });
  asking.on("error", () => resolve({ verdict: "other", name: undefined }));
  asking.on("response", (response) => {
    response.resume();
    response.on("close", () => resolve(outcomeOf(response)));
  });
  asking.end();
  return promise;
}

function outcomeOf({ statusCode, headers }: IncomingMessage): Outcome {
  const verdict = statusCode === 200 ? "accepted" : statusCode === 401 ? "rejected" : "other";
  const name = headers["jwks-process"];
  return { verdict, name: typeof name === "string" ? name : undefined };
}

function count(witnessed: Witnessed, { verdict, name }: Outcome): void {
  witnessed[verdict] += 1;
  if (name === undefined) return;
  const answers = witnessed.byProcess.get(name) ?? none();
  answers[verdict] += 1;
  witnessed.byProcess.set(name, answers);
}

function none(): Answers {
  return { accepted: 0, rejected: 0, other: 0 };
}
