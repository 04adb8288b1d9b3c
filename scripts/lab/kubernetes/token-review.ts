import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { z } from "zod";

/** Who a token stands for. */
export interface LabUser {
  readonly user: string;
  /** Default: none but `system:authenticated`. */
  readonly groups?: readonly string[];
}

/** Knows the lab's users, and answers the API server that asks who a token stands for. */
export interface TokenReviewer {
  readonly url: string;
  /** A new token for a user, valid until it is revoked or the lab stops. */
  issue(user: LabUser): string;
  /** The API server remembers it for ten seconds. */
  revoke(token: string): void;
  stop(): Promise<void>;
}

const review = z.object({ spec: z.object({ token: z.string() }) });

/**
 * Starts an authentication webhook on loopback. Unlike the API server's token file, which is read once, it can be
 * given users while the server runs.
 */
export async function startTokenReviewer(): Promise<TokenReviewer> {
  const users = new Map<string, LabUser>();
  const server = createServer((request, response) => {
    answer(request, response, users).catch(() => response.writeHead(400).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no free port on loopback");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    issue(user) {
      const token = randomBytes(24).toString("base64url");
      users.set(token, user);
      return token;
    },
    revoke: (token) => void users.delete(token),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  users: ReadonlyMap<string, LabUser>,
): Promise<void> {
  const { token } = review.parse(await json(request)).spec;
  const found = users.get(token);
  const status =
    found === undefined
      ? { authenticated: false }
      : { authenticated: true, user: { username: found.user, uid: found.user, groups: found.groups ?? [] } };
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", status };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}
