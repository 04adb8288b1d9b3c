import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { RotationError } from "../base/errors.ts";
import { exchange, NoAnswerError } from "../base/http.ts";
import type { Instance } from "./instances.ts";

const run = promisify(execFile);

export interface RestartCommand {
  /** Program and arguments; `{name}`, `{url}`, `{host}`, `{port}` stand for the instance's. Run without a shell. */
  command: string[];
  /** The same, for a program that prints the instance's log; `{since}` stands for the restart's time, ISO 8601 UTC. Empty: not checked. */
  logs: string[];
  /** What the log must show after the restart, as a regular expression, case-insensitive. */
  bootstrapPattern: string;
  /** Milliseconds for the command, and as many again until the instance answers and its log shows the bootstrap. */
  timeoutMs: number;
}

const maxLogBytes = 16 * 1024 * 1024;
const tailLines = 20;

/**
 * Restarts one instance of the static list, waits until it answers, and looks for the bootstrap in its log. Only lines
 * that the log did not have before the restart count.
 *
 * @param redact removes secrets from what the commands print
 * @throws {RotationError} RESTART_FAILED, BOOTSTRAP_NOT_SEEN
 */
export async function restartByCommand(
  instance: Instance,
  settings: RestartCommand,
  redact: (text: string) => string,
): Promise<{ bootstrap: "seen" | "not-checked" }> {
  const since = new Date().toISOString();
  const runOne = (argv: readonly string[]) =>
    runCommand(fill(argv, instance, since), instance, settings, redact);
  const before = settings.logs.length > 0 ? await runOne(settings.logs).catch(() => "") : "";
  await runOne(settings.command);
  const deadline = Date.now() + settings.timeoutMs;
  await awaitAnswer(instance, deadline);
  if (settings.logs.length === 0) return { bootstrap: "not-checked" };
  const pattern = new RegExp(settings.bootstrapPattern, "i");
  for (;;) {
    const whole = await runOne(settings.logs);
    const lines = (whole.startsWith(before) ? whole.slice(before.length) : whole).split("\n");
    if (lines.some((line) => pattern.test(line))) return { bootstrap: "seen" };
    if (Date.now() > deadline) throw notSeen(instance.name, lines, redact);
    await delay(500);
  }
}

function notSeen(name: string, lines: readonly string[], redact: (text: string) => string): RotationError {
  const tail = lines.filter((line) => line !== "").slice(-tailLines);
  const shown = redact(tail.join("\n  ")) || "(nothing)";
  return new RotationError(
    "BOOTSTRAP_NOT_SEEN",
    `${name} was restarted, but its log shows no JWKS bootstrap; its last lines:\n  ${shown}\n`,
    {
      nextStep:
        "find out why it can't fetch the keys, or set restart.bootstrapPattern to the line that it writes",
    },
  );
}

/** Any HTTP answer is enough: the verification finds out what it means. */
async function awaitAnswer(instance: Instance, deadline: number): Promise<void> {
  for (;;) {
    try {
      await exchange(instance.url, { timeoutMs: 5_000, maxBytes: 1024 * 1024 });
      return;
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
      if (Date.now() > deadline) {
        throw new RotationError(
          "RESTART_FAILED",
          `${instance.name} does not answer after its restart: ${error.message}`,
          {
            nextStep: "find out why it does not start, then run the same up again",
          },
        );
      }
      await delay(250);
    }
  }
}

function fill(argv: readonly string[], { name, url }: Instance, since: string): string[] {
  const { hostname, port, protocol } = new URL(url);
  const values: Record<string, string> = {
    name,
    url,
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port || (protocol === "https:" ? "443" : "80"),
    since,
  };
  return argv.map((part) => part.replaceAll(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole));
}

async function runCommand(
  [file = "", ...args]: readonly string[],
  { name }: Instance,
  { timeoutMs }: RestartCommand,
  redact: (text: string) => string,
): Promise<string> {
  try {
    const { stdout } = await run(file, args, {
      timeout: timeoutMs,
      maxBuffer: maxLogBytes,
      env: withoutSecrets(),
    });
    return stdout;
  } catch (error) {
    const { code, signal, stderr = "" } = error as { code?: unknown; signal?: unknown; stderr?: string };
    const how = signal ? `was ended by ${signal} (limit ${timeoutMs / 1000} s)` : `ended with ${code}`;
    const said = redact(stderr.trim().split("\n").slice(-tailLines).join("\n  "));
    throw new RotationError("RESTART_FAILED", `${name}: ${file} ${how}${said ? `\n  ${said}\n` : ""}`, {
      nextStep: "run the command by hand to find out why, then run the same up again",
    });
  }
}

/** The commands need the user's environment (an SSH agent, a PATH), but none of the credentials of Pulumi, Keycloak and Kubernetes. */
function withoutSecrets(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([key]) => !/^(PULUMI|KEYCLOAK|KUBECONFIG)/.test(key));
  return Object.fromEntries(entries);
}
