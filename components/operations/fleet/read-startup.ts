import { type Instance, targetNameOf } from "./instances.ts";
import type { RestartResult } from "./restart.ts";

/** The start of an instance that started after the retired keys were disabled. */
export interface Startup {
  /** Whether its start-up log shows that it fetched the keys. */
  bootstrap: "seen" | "missing";
  /** ISO 8601 UTC. */
  startedAt: string;
  /** The line that shows it. */
  line?: string;
  /** The last lines of the log if none shows it. Holds no secret. */
  tail?: string[];
}

/** What to look for in a start-up log. */
export interface StartupLook {
  /** A regular expression, case-insensitive. */
  bootstrapPattern: string;
  /** Removes secrets from logs. */
  redact: (text: string) => string;
}

/** What reads the start-up logs of one target's instances. */
export interface StartupReader {
  name: string;
  /** Looks for the JWKS bootstrap. Never throws: a log that can't be read shows nothing. Undefined: there is no log to read. */
  readStartup(instance: Instance, look: StartupLook): Promise<Startup | undefined>;
}

/** Looks for the JWKS bootstrap in an instance's start-up log. Never throws: a log that can't be read shows nothing. */
export async function readStartup(
  targets: readonly StartupReader[],
  instance: Instance,
  bootstrapPattern: string,
  redact: (text: string) => string,
): Promise<Startup | undefined> {
  const target = targets.find(({ name }) => name === targetNameOf(instance));
  return target?.readStartup(instance, { bootstrapPattern, redact });
}

/**
 * What is known of an instance's start, if that was after a time: from its start-up log, or from the command that has
 * restarted it. Else undefined.
 */
export async function startupAfter(
  targets: readonly StartupReader[],
  instance: Instance,
  { time, restarts }: { time: string; restarts: readonly RestartResult[] },
  { bootstrapPattern, redact }: StartupLook,
): Promise<Startup | undefined> {
  if (startedAfter(instance, time)) return readStartup(targets, instance, bootstrapPattern, redact);
  const own = restarts.find(({ subject, target }) => subject === instance.name && target === instance.target);
  if (own?.outcome !== "done" || own.bootstrap !== "seen") return undefined;
  return { bootstrap: "seen", startedAt: own.startedAt };
}

/**
 * Whether an instance started when the retired keys were already disabled. Platforms report a start to the second,
 * rounded down, so a start in that very second counts as before, unless a restart that was requested later than that
 * has created the instance.
 */
export function startedAfter(
  { startedAt, restartedAt }: Pick<Instance, "startedAt" | "restartedAt">,
  retiredAt: string,
): boolean {
  const times = [startedAt, restartedAt].map((time) => Date.parse(time ?? ""));
  return startedAt !== undefined && times.some((time) => time >= Date.parse(retiredAt));
}
