import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ApiProcess } from "./api-fleet.ts";
import { statusOfGet } from "./bearer-request.ts";
import { logTail } from "./process.ts";
import type { AccessLine } from "./sample-api/log.ts";
import type { Behaviour } from "./sample-api/misbehaviour.ts";

const server = fileURLToPath(new URL("./sample-api/server.ts", import.meta.url));
const startDeadlineMs = 60_000;
/** Of the lab's own environment, an instance gets only what a program needs to run at all. */
const inherited = ["PATH", "HOME", "TMPDIR", "NODE_EXTRA_CA_CERTS", "NODE_COMPILE_CACHE"];

export interface FleetInstanceOptions {
  readonly name: string;
  /** For its logs. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly behaviour: Behaviour;
}

/** One process of the sample API, restarted by {@link FleetInstance.restart} at the same address. */
export class FleetInstance implements ApiProcess {
  readonly name: string;
  readonly #options: FleetInstanceOptions;
  #behaviour: Behaviour;
  #port = 0;
  #child: ChildProcess | undefined;

  constructor(options: FleetInstanceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#behaviour = options.behaviour;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get behaviour(): Behaviour {
    return this.#behaviour;
  }

  /** Starts it and waits until it has fetched the issuer's keys. */
  async start(): Promise<void> {
    const log = openSync(this.#logFile, "a");
    const child = spawn(process.execPath, [server], {
      env: this.#environment(),
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    this.#child = child;
    const { ready } = await this.#reply<{ ready: number }>(
      child,
      `${this.name} did not start`,
      startDeadlineMs,
    );
    this.#port = ready;
  }

  /** Makes it misbehave from now on, or repairs it with `none`. */
  async misbehave(behaviour: Behaviour): Promise<void> {
    const child = this.#child;
    if (!child?.connected) throw new Error(`${this.name} is not running`);
    const reply = this.#reply<{ misbehaving: Behaviour }>(
      child,
      `${this.name} did not take up ${behaviour}`,
      startDeadlineMs,
    );
    child.send({ misbehave: behaviour });
    await reply;
    this.#behaviour = behaviour;
  }

  /** Every request that it was sent, oldest first. */
  async accessLog(): Promise<AccessLine[]> {
    return (await this.#accessLines()).filter(({ listener }) => listener === "api");
  }

  async statusOf(path: string, token: string): Promise<number | undefined> {
    return statusOfGet(`${this.url}${path}`, token);
  }

  /** Every request that came to where `redirect` and `probe-redirect` point. */
  async redirectsFollowed(): Promise<AccessLine[]> {
    return (await this.#accessLines()).filter(({ listener }) => listener === "redirect-target");
  }

  /** The lines that it has logged, over all its starts. */
  async log(): Promise<string[]> {
    return lines(await readFile(this.#logFile, "utf8"));
  }

  /** Ends the process and starts another with an empty memory, at the same address, with the same misbehaviour. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Starts it, or restarts it, without a misbehaviour. */
  async repair(): Promise<void> {
    this.#behaviour = "none";
    await this.restart();
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  get #logFile(): string {
    return join(this.#options.directory, `${this.name}.log`);
  }

  get #accessFile(): string {
    return join(this.#options.directory, `${this.name}-access.jsonl`);
  }

  #environment(): NodeJS.ProcessEnv {
    const base = inherited.flatMap((name) =>
      process.env[name] === undefined ? [] : [[name, process.env[name]]],
    );
    return {
      ...Object.fromEntries(base),
      ...this.#options.env,
      PORT: String(this.#port),
      INSTANCE_NAME: this.name,
      ACCESS_LOG: this.#accessFile,
      MISBEHAVE: this.#behaviour,
    };
  }

  async #accessLines(): Promise<AccessLine[]> {
    const text = await readFile(this.#accessFile, "utf8").catch(() => "");
    return lines(text).map((line) => JSON.parse(line) as AccessLine);
  }

  async #reply<T>(child: ChildProcess, failure: string, timeoutMs: number): Promise<T> {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const message = once(child, "message", { signal }).then(([reply]) => reply as T & { failed?: string });
      const exit = once(child, "exit", { signal }).then(
        () => ({ failed: "it exited" }) as T & { failed?: string },
      );
      const reply = await Promise.race([message, exit]);
      if (reply.failed === undefined) return reply;
      throw new Error(reply.failed);
    } catch (cause) {
      throw new Error(`${failure}. The end of its log:\n${await logTail(this.#logFile)}`, { cause });
    } finally {
      abort.abort();
    }
  }
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
