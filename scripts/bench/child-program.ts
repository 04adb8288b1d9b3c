import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/**
 * Starts a program of this directory as a process of its own, sends it a message, and awaits its answer. Its progress
 * lines go to stderr: stdout is for the tables.
 */
export async function startProgram<Answer>(
  name: string,
  message: object,
): Promise<{ child: ChildProcess; answer: Answer }> {
  const child = fork(fileURLToPath(new URL(name, import.meta.url)), {
    serialization: "advanced",
    stdio: ["ignore", 2, "inherit", "ipc"],
  });
  return { child, answer: await askProgram<Answer>(child, message) };
}

/** Sends a program that was started here another message, and awaits its answer. */
export async function askProgram<Answer>(child: ChildProcess, message: object): Promise<Answer> {
  const ended = new AbortController();
  const { signal } = ended;
  const exited = once(child, "exit", { signal }).then(([code]) => {
    throw new Error(`${child.spawnfile} ${child.spawnargs.at(-1)} ended with ${code} before it answered`);
  });
  exited.catch(() => undefined);
  child.send(message);
  try {
    const [answer] = await Promise.race([once(child, "message", { signal }), exited]);
    return answer;
  } finally {
    ended.abort();
  }
}

/** Ends a program that was started here, and waits until it has gone. */
export async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill();
  await gone;
}
