import { type ChildProcess, spawn } from "node:child_process";
import { on, once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Behaviour } from "../sample-api/misbehaviour.ts";
import type { CriLog } from "./cri-log.ts";
import type { PodAddress } from "./pod-address.ts";

const server = fileURLToPath(new URL("../sample-api/server.ts", import.meta.url));
const parentWatch = new URL("./parent-watch.ts", import.meta.url).href;
/** Of the lab's own environment, a pod gets only what a program needs to run at all. */
const inherited = ["PATH", "HOME", "TMPDIR", "NODE_EXTRA_CA_CERTS", "NODE_COMPILE_CACHE"];

export interface PodProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly address: PodAddress;
  readonly log: CriLog;
}

interface Reply {
  misbehaving?: Behaviour;
  failed?: string;
}

/** The process of one container: the sample API, at the pod's address. */
export class PodProcess {
  readonly pid: number | undefined;
  readonly startedAt = new Date();
  /** Resolves with the exit code; a signal counts as in a shell: 137 for SIGKILL, 143 for SIGTERM. */
  readonly exited: Promise<number>;
  readonly #child: ChildProcess;

  constructor({ env, address, log }: PodProcessOptions) {
    const base = inherited.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    const child = spawn(process.execPath, ["--import", parentWatch, server], {
      env: { ...Object.fromEntries(base), ...env, HOST: address.host, PORT: String(address.port) },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    this.pid = child.pid;
    if (child.stdout) log.collect(child.stdout, "stdout");
    if (child.stderr) log.collect(child.stderr, "stderr");
    // "close" and not "exit": its last lines are in the log before its end is reported.
    this.exited = once(child, "close").then(([code, signal]) => code ?? (signal === "SIGTERM" ? 143 : 137));
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Makes it misbehave from now on, or repairs it with `none`. */
  async misbehave(behaviour: Behaviour): Promise<void> {
    if (!this.#child.connected) throw new Error("the pod's process is not running");
    const messages = on(this.#child, "message", { signal: AbortSignal.timeout(60_000) });
    this.#child.send({ misbehave: behaviour });
    // The first may be what it said at its start: Node keeps messages until somebody listens.
    for await (const [{ misbehaving, failed }] of messages as AsyncIterable<[Reply]>) {
      if (failed !== undefined) throw new Error(failed);
      if (misbehaving === behaviour) return;
    }
  }

  /** Asks it to end, and kills it if it does not. Resolves when it has ended. */
  async stop(graceMs: number): Promise<void> {
    if (!this.running) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    await this.exited;
    clearTimeout(timer);
  }
}
