import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Starts a program of this directory as a process of its own, sends it a message, and awaits its answer. */
export async function startProgram<Answer>(
  name: string,
  message: object,
): Promise<{ child: ChildProcess; answer: Answer }> {
  const child = fork(fileURLToPath(new URL(name, import.meta.url)), { serialization: "advanced" });
  const exited = once(child, "exit").then(([code]) => {
    throw new Error(`${name} ended with ${code} before it answered`);
  });
  child.send(message);
  const [answer] = await Promise.race([once(child, "message"), exited]);
  exited.catch(() => undefined);
  return { child, answer };
}

/** Ends a program that was started here, and waits until it has gone. */
export async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill();
  await gone;
}
