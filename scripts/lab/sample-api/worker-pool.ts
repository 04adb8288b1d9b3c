import cluster, { type Worker } from "node:cluster";
import { fileURLToPath } from "node:url";
import type { WorkersKind } from "./misbehaviour.ts";
import { workersOf } from "./misbehaviour.ts";
import type { Operation } from "./operation.ts";
import { OperationChannel } from "./operation-channel.ts";

const program = fileURLToPath(new URL("./worker.ts", import.meta.url));

export interface WorkerPoolOptions {
  behaviour: WorkersKind;
  /** Theirs together: the cluster gives each new connection to the next one. */
  port: number;
  jwksUri: URL;
}

/** The workers of this process, which is their cluster's primary. They end with it, even by `kill -9`. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #channels = new Map<Worker, OperationChannel>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Starts them, and waits until each has fetched the issuer's keys. From then on a worker that ends is replaced. */
  async start(): Promise<void> {
    cluster.setupPrimary({ exec: program, args: [] });
    const { count = 0 } = workersOf(this.#options.behaviour) ?? {};
    try {
      await Promise.all(Array.from({ length: count }, () => this.#fork()));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const workers = [...this.#channels.keys()];
    this.#channels.clear();
    await Promise.all(workers.map(end));
  }

  /** Resolves when the new worker serves. */
  #fork(): Promise<void> {
    const { behaviour, port, jwksUri } = this.#options;
    const worker = cluster.fork({ MISBEHAVE: behaviour, PORT: String(port), JWKS_URI: jwksUri.href });
    const channel = new OperationChannel(worker, (operation) => this.#everywhere(operation));
    this.#channels.set(worker, channel);
    const ready = Promise.withResolvers<void>();
    let serves = false;
    worker.on("message", (message: { ready?: true }) => {
      if (message.ready !== true) return;
      serves = true;
      ready.resolve();
    });
    worker.once("exit", () => {
      channel.close();
      ready.reject(new Error("a worker ended before it was ready"));
      const isWanted = this.#channels.delete(worker);
      if (isWanted && serves) this.#fork().catch(() => {});
    });
    return ready.promise;
  }

  async #everywhere(operation: Operation): Promise<void> {
    await Promise.all([...this.#channels.values()].map((channel) => channel.pass(operation)));
  }
}

async function end(worker: Worker): Promise<void> {
  if (worker.isDead()) return;
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  worker.process.kill("SIGKILL");
  await exited;
}
