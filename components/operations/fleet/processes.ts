import { setTimeout as delay } from "node:timers/promises";
import type { OpenInstance } from "./instances.ts";
import type { ProcessName } from "./process-name.ts";

/** The answer of the process that a connection leads to. */
export interface ProcessAnswer<T> {
  value: T;
  /** Absent where it does not name itself. */
  process?: ProcessName;
}

/** More connections than an instance announces processes are needed, because they are not spread evenly. */
const connectionsPerProcess = 2;

const mostConnections = 128;

/** How often processes that are announced and were not heard are looked for (measured: it took 29 rounds at most). */
const mostRounds = 40;

/**
 * Between the openings of two connections, in milliseconds: several that are opened at once are often taken by the one worker
 * that wakes first (measured with gunicorn's threads and uvicorn: 16 at once reached all of 4 workers in 5 to 20 % of all
 * rounds, one by one in half of them).
 */
const spacingMs = 4;

/**
 * Puts a question to each process behind an instance's address, as far as they can be told apart from outside: over several
 * new connections that are open at the same time, because one that is kept alive always leads to the same process. The first
 * question goes over a single connection: where the process says that it is the only one, there are no others.
 *
 * Where the processes say how many they are, new connections are made until each was heard, or a limit is reached. Where
 * they don't, that all were reached is likely, and never certain.
 *
 * @param isLost whether an answer shows that asking the others would only cost time
 * @returns an answer for each connection; the first is never missing
 */
export async function onEveryProcess<T>(
  instance: OpenInstance,
  ask: (line: OpenInstance) => Promise<T>,
  isLost: (answer: T) => boolean,
): Promise<[ProcessAnswer<T>, ...ProcessAnswer<T>[]]> {
  const first = await askOver(instance, ask);
  const answers: [ProcessAnswer<T>, ...ProcessAnswer<T>[]] = [first];
  const { connections = 1, openLines } = instance;
  if (!openLines || isLost(first.value)) return answers;
  for (let round = 1; round <= mostRounds; round += 1) {
    const announced = announcedBy(answers);
    const isEnough = announced === undefined ? round > 1 : namesOf(answers).size >= announced;
    if (isEnough) break;
    const count = announced === undefined ? connections : announced * connectionsPerProcess;
    const lines = openLines(Math.min(count, mostConnections) - (round === 1 ? 1 : 0));
    const asking = lines.dispatchers.map(async (dispatcher, index) => {
      await delay(index * spacingMs);
      return askOver({ ...instance, dispatcher }, ask);
    });
    try {
      answers.push(...(await Promise.all(asking)));
    } finally {
      lines.close();
    }
  }
  return answers;
}

/** How many processes there are, by the answer that says the most. Undefined where none says. Pure. */
export function announcedBy(answers: readonly Pick<ProcessAnswer<unknown>, "process">[]): number | undefined {
  const counts = answers.flatMap(({ process }) => process?.of ?? []);
  return counts.length > 0 ? Math.max(...counts) : undefined;
}

/** The processes that have named themselves. Pure. */
export function namesOf(answers: readonly Pick<ProcessAnswer<unknown>, "process">[]): Set<string> {
  return new Set(answers.flatMap(({ process }) => process?.name ?? []));
}

/** Which processes were reached by something that all of them had to be told. */
export interface Reached {
  /** Connections that it was sent over. */
  connections: number;
  /** Names of the processes that have answered. Default: none has a name. */
  processes?: string[];
  /** How many there are, as they say. */
  announced?: number;
}

/** Pure. */
export function reachedBy(answers: readonly Pick<ProcessAnswer<unknown>, "process">[]): Reached {
  const announced = announcedBy(answers);
  const processes = [...namesOf(answers)].toSorted();
  return {
    connections: answers.length,
    ...(processes.length > 0 ? { processes } : {}),
    ...(announced === undefined ? {} : { announced }),
  };
}

/** Why not each of an instance's processes was reached. Undefined where each was, as far as is known. Pure. */
export function unreachedProcesses({ processes = [], announced = 0 }: Reached): string | undefined {
  if (processes.length >= announced) return undefined;
  return `only ${processes.length} of its ${announced} processes could be reached`;
}

async function askOver<T>(
  line: OpenInstance,
  ask: (line: OpenInstance) => Promise<T>,
): Promise<ProcessAnswer<T>> {
  let process: ProcessName | undefined;
  const value = await ask({
    ...line,
    heard: (heard) => {
      process = heard;
      if (heard) line.processes?.add(heard.name);
    },
  });
  return { value, ...(process ? { process } : {}) };
}
