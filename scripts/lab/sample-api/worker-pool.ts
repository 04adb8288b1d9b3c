import cluster, { type Worker } from "node:cluster";
import { fileURLToPath } from "node:url";
import { type WorkersKind, workersOf } from "./misbehaviour.ts";
import type { Operation } from "./operation.ts";
import { OperationChannel } from "./operation-channel.ts";

const program = fileURLToPath(new URL("./worker.ts", import.meta.url));

export interface WorkerPoolOptions {
  behaviour: WorkersKind;
  /** Theirs together: the cluster gives each new connection to the next one. */
  port: number;
  jwksUri: URL;
}

interface Member {
  channel: OperationChannel;
  /** Resolves when it serves; rejects where it ends before. */
  ready: Promise<void>;
}

/** The workers of this process, which is their cluster's primary. They end with it, even by `kill -9`. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #members = new Map<Worker, Member>();

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
    const workers = [...this.#members.keys()];
    this.#members.clear();
    await Promise.all(workers.map(end));
  }

  /** Resolves when the new worker serves. */
  #fork(): Promise<void> {
    const { behaviour, port, jwksUri } = this.#options;
    const worker = cluster.fork({ MISBEHAVE: behaviour, PORT: String(port), JWKS_URI: jwksUri.href });
    const channel = new OperationChannel(worker, (operation) => this.#everywhere(operation));
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    worker.on("message", (message: { ready?: true }) => {
      if (message.ready === true) resolve();
    });
    worker.once("exit", () => {
      channel.close();
      reject(new Error("a worker ended before it was ready"));
    });
    this.#members.set(worker, { channel, ready });
    ready.then(
      () => this.#replaceAtExit(worker),
      () => this.#members.delete(worker),
    );
    return ready;
  }

  #replaceAtExit(worker: Worker): void {
    worker.once("exit", () => {
      // Not one that was stopped.
      if (!this.#members.delete(worker)) return;
      this.#fork().catch(() => {});
    });
  }

  /** A worker that starts just now may have fetched the keys before: it is told once it listens to its primary. */
  async #everywhere(operation: Operation): Promise<void> {
    const tell = async ({ channel, ready }: Member) => {
      const serves = await ready.then(
        () => true,
        () => false,
      );
      if (serves) await channel.pass(operation);
    };
    await Promise.all([...this.#members.values()].map(tell));
  }
}

async function end(worker: Worker): Promise<void> {
  if (worker.isDead()) return;
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  worker.process.kill("SIGKILL");
  await exited;
}
