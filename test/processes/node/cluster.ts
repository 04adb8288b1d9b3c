import cluster, { type Worker } from "node:cluster";
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

// An API in node:cluster, as a competent user of jose writes it: each worker has a remote key set of its own.
const { ISSUER = "", AUDIENCE, JWKS_URI = `${ISSUER}/protocol/openid-connect/certs` } = process.env;
const { INTERNAL_JWKS_REFRESH_TOKEN = "", REFRESH, PROCESS_HEADER, PROCESSES_DIR = "" } = process.env;
const workers = Number(process.env.WORKERS);

/** What workers and primary tell each other of one refresh of all; `asker` and `id` name the request. */
interface Message {
  type: "refresh-all" | "refresh" | "refreshed";
  asker: number;
  id: number;
  ok: boolean;
}

function primary(): void {
  /** The workers that each refresh of all still waits for. */
  const waiting = new Map<Message, Set<Worker>>();
  const all = () => Object.values(cluster.workers ?? {}).filter((one) => one !== undefined);
  const heard = (worker: Worker, request: Message, ok: boolean) => {
    const missing = waiting.get(request);
    if (!missing?.delete(worker) || (ok && missing.size > 0)) return;
    waiting.delete(request);
    cluster.workers?.[request.asker]?.send({ ...request, type: "refreshed", ok } satisfies Message);
  };
  cluster.on("message", (worker: Worker, message: Message) => {
    if (message.type === "refresh-all") {
      waiting.set(message, new Set(all()));
      for (const one of all()) one.send({ ...message, type: "refresh" } satisfies Message);
      return;
    }
    const { asker, id, ok } = message;
    for (const request of waiting.keys())
      if (request.asker === asker && request.id === id) heard(worker, request, ok);
  });
  cluster.on("exit", (worker) => {
    for (const request of waiting.keys()) heard(worker, request, true);
    cluster.fork();
  });
  let listening = 0;
  cluster.on("listening", (_worker, { port }) => {
    listening += 1;
    if (listening === workers) console.log(`listening on http://127.0.0.1:${port}`);
  });
  for (let i = 0; i < workers; i += 1) cluster.fork();
}

async function worker(self: Worker): Promise<void> {
  const jwks = createRemoteJWKSet(new URL(JWKS_URI));
  /** A reload joins one that is under way, which may bring the set from before the call: the second one can't. */
  const reload = async () => {
    await jwks.reload();
    await jwks.reload();
  };
  const answers = new Map<number, (ok: boolean) => void>();
  let asked = 0;
  const reloadAll = async () => {
    asked += 1;
    const id = asked;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    answers.set(id, resolve);
    process.send?.({ type: "refresh-all", asker: self.id, id, ok: true } satisfies Message);
    if (!(await promise)) throw new Error("not every worker could fetch the keys");
  };
  process.on("message", async (message: Message) => {
    if (message.type === "refreshed") return answers.get(message.id)?.(message.ok);
    const ok = await reload().then(
      () => true,
      () => false,
    );
    process.send?.({ ...message, type: "refreshed", ok } satisfies Message);
  });

  const isAccepted = async (token: string) =>
    jwtVerify(token, jwks, {
      issuer: ISSUER,
      ...(AUDIENCE !== undefined && { audience: AUDIENCE }),
      algorithms: ["RS256", "PS256", "ES256", "EdDSA"],
      requiredClaims: ["exp", "sub"],
    }).then(
      () => true,
      (error) => {
        if (error instanceof errors.JOSEError) return false;
        throw error;
      },
    );
  const statusOf = async ({ method, url, headers }: IncomingMessage) => {
    const token = headers.authorization?.replace(/^Bearer /, "") ?? "";
    if (method === "GET" && url === "/api/me") return (await isAccepted(token)) ? 200 : 401;
    const isRefresh = method === "POST" && url === "/internal/auth/jwks/refresh";
    if (!isRefresh || REFRESH === "none" || INTERNAL_JWKS_REFRESH_TOKEN === "") return 404;
    if (!isSame(token, INTERNAL_JWKS_REFRESH_TOKEN)) return 401;
    return (REFRESH === "all" ? reloadAll() : reload()).then(
      () => 200,
      () => 502,
    );
  };
  await jwks.reload();
  const server = createServer(async (request, response) => {
    const status = await statusOf(request).catch(() => 503);
    if (PROCESS_HEADER === "yes") response.setHeader("jwks-process", `${process.pid}; of=${workers}`);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ status }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  writeFileSync(join(PROCESSES_DIR, String(process.pid)), "has keys");
}

function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

if (cluster.worker) await worker(cluster.worker);
else primary();
