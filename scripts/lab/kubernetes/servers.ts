import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type GuardedProcess, logTail, startGuarded } from "../process.ts";
import type { Program } from "./versions.ts";

const startDeadlineMs = 90_000;

/** The lab's servers, each with its log. They die with this process, however it ends. */
export class Servers {
  readonly #bin: string;
  readonly #directory: string;
  readonly #running = new Map<Program, GuardedProcess>();

  constructor(bin: string, directory: string) {
    this.#bin = bin;
    this.#directory = directory;
  }

  start(program: Program, args: readonly string[]): void {
    const env = { ...process.env, KUBECONFIG: "" };
    const logFile = this.logFile(program);
    // Where the lab itself is killed, the server that is never restarted deletes the directory.
    const cleanup = program === "etcd" ? { cleanup: ["rm", "-rf", this.#directory] } : {};
    this.#running.set(program, startGuarded(join(this.#bin, program), args, { logFile, env, ...cleanup }));
  }

  logFile(program: Program): string {
    return join(this.#directory, `${program}.log`);
  }

  /**
   * Waits until a program serves.
   *
   * @throws Error with the end of a log where one of the servers has ended, or after 90 s
   */
  async until(program: Program, isServing: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + startDeadlineMs;
    while (!(await isServing().catch(() => false))) {
      const ended = [...this.#running].find(([, { running }]) => !running)?.[0];
      if (ended === undefined && Date.now() < deadline) await pause(50);
      else throw await this.#failure(ended ?? program, ended !== undefined);
    }
  }

  async stop(program: Program): Promise<void> {
    await this.#running.get(program)?.stop();
    this.#running.delete(program);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((program) => this.stop(program)));
  }

  async #failure(program: Program, ended: boolean): Promise<Error> {
    const reason = ended ? "ended at its start" : `did not serve within ${startDeadlineMs / 1000} s`;
    return new Error(`${program} ${reason}. The end of its log:\n${await logTail(this.logFile(program))}`);
  }
}
