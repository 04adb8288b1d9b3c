import { connect } from "node:net";
import { RotationError } from "./errors.ts";

/** Milliseconds between two looks. */
const everyMs = 2_000;
/** An engine that is only busy accepts connections all the same: one refusal may be an accident, two are none. */
const refusalsToBeGone = 2;

/**
 * Watches the engine that this provider process works for. Pulumi's engine does not end its providers when it is killed:
 * they would live on, and finish the phase that they are in while the next `up` runs.
 */
class EngineWatch {
  readonly #port: number;
  readonly #gone = new AbortController();
  #refusals = 0;
  #working = 0;

  constructor(port: number) {
    this.#port = port;
    setInterval(() => void this.#look(), everyMs).unref();
  }

  /** @throws {RotationError} ENGINE_GONE */
  async see(): Promise<void> {
    await this.#look();
    if (this.#refusals === 0) return;
    await this.#look();
    if (this.#isGone) throw goneError();
  }

  /** While it is under way, a process whose engine is gone does not end but at its next safe point. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#working += 1;
    try {
      return await work();
    } finally {
      this.#working -= 1;
    }
  }

  /** Aborted as soon as it is known that the engine is gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get #isGone(): boolean {
    return this.#refusals >= refusalsToBeGone;
  }

  async #look(): Promise<void> {
    this.#refusals = (await isRefused(this.#port)) ? this.#refusals + 1 : 0;
    if (!this.#isGone) return;
    this.#gone.abort();
    if (this.#working === 0) process.exit(1);
  }
}

/** Only a refusal shows that nobody listens any more. */
function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: 1_000 });
    const end = (refused: boolean) => {
      socket.destroy();
      resolve(refused);
    };
    socket.once("connect", () => end(false));
    socket.once("timeout", () => end(false));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code === "ECONNREFUSED"));
  });
}

function goneError(): RotationError {
  return new RotationError(
    "ENGINE_GONE",
    "Pulumi's engine is gone, so this provider process stops before it changes a key",
    { nextStep: "run pulumi cancel if the stack is locked, then run the same up again" },
  );
}

let watch: EngineWatch | undefined;

/**
 * Starts watching, where this process is a provider: Pulumi starts it with the address of its engine, on this machine.
 * @param args of the process, without those of Node itself
 */
export function watchEngine(args: readonly string[] = process.argv.slice(2)): void {
  const port = /^(?:127\.0\.0\.1|localhost):([0-9]+)$/.exec(args[0] ?? "")?.[1];
  if (port !== undefined) watch ??= new EngineWatch(Number(port));
}

/**
 * To be awaited before each change of a key.
 * @throws {RotationError} ENGINE_GONE
 */
export async function seeEngine(): Promise<void> {
  await watch?.see();
}

/** Work that is brought to a safe point where the engine goes meanwhile. */
export function whileWorking<T>(work: () => Promise<T>): Promise<T> {
  return watch ? watch.during(work) : work();
}

/** Aborted when the engine is gone, for work that nobody needs then. Undefined where this process works for none. */
export function engineGone(): AbortSignal | undefined {
  return watch?.gone;
}
