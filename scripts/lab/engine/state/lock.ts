import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { EngineError } from "../engine-error.ts";

interface LockContent {
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
  /** Start time of the process in clock ticks since boot; tells a reused pid. Linux only. */
  startTime?: string;
}

/** A held lock. Releasing it twice is harmless. */
export interface StackLock {
  release(): void;
}

function startTimeOf(pid: number): string | undefined {
  try {
    // The process name, in parentheses, may hold spaces: the fields are counted from its end.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return fields[19];
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function holderIsDead(lock: LockContent): boolean {
  if (lock.hostname !== hostname()) return false;
  if (!isAlive(lock.pid)) return true;
  return lock.startTime !== undefined && lock.startTime !== startTimeOf(lock.pid);
}

function locksIn(dir: string): { path: string; content: LockContent }[] {
  return readdirSync(dir).map((file) => {
    const path = join(dir, file);
    return { path, content: JSON.parse(readFileSync(path, "utf8")) as LockContent };
  });
}

function holderOf({ username, hostname: host, pid, timestamp }: LockContent): string {
  return `created by ${username}@${host} (pid ${pid}) at ${timestamp}`;
}

/** Takes over the locks of dead processes with a warning. A living holder is an error. */
function clearOthers(dir: string, own: string | undefined, warn: (message: string) => void): void {
  const others = locksIn(dir).filter(({ path }) => path !== own);
  for (const { path, content } of others.filter(({ content }) => holderIsDead(content))) {
    warn(`the stack was locked by a process that is gone (${holderOf(content)}); its lock is taken over`);
    rmSync(path, { force: true });
  }
  const alive = others.filter(({ content }) => !holderIsDead(content));
  if (alive.length === 0) return;
  throw new EngineError(
    `the stack is currently locked by ${alive.length} lock(s). Either wait for the other process(es) to end ` +
      "or delete the lock file with `pulumi cancel`." +
      alive.map(({ path, content }) => `\n  file://${path}: ${holderOf(content)}`).join(""),
  );
}

/** Locks a stack, as Pulumi's file backend does: look, write, look again. */
export function acquireLock(dir: string, warn: (message: string) => void): StackLock {
  mkdirSync(dir, { recursive: true });
  clearOthers(dir, undefined, warn);
  const path = join(dir, `${randomUUID()}.json`);
  const startTime = startTimeOf(process.pid);
  const content: LockContent = {
    pid: process.pid,
    username: userInfo().username,
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    ...(startTime !== undefined && { startTime }),
  };
  writeFileSync(path, JSON.stringify(content));
  const release = (): void => rmSync(path, { force: true });
  try {
    clearOthers(dir, path, warn);
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}

/** Removes every lock of a stack, whoever holds it: `pulumi cancel`. */
export function removeLocks(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}
