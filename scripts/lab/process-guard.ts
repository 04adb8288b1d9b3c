import { spawn, spawnSync } from "node:child_process";
import { Socket } from "node:net";

// Runs a command as the leader of its own process group. Descriptor 3 is a pipe that the lab never writes to:
// when it closes, the lab has ended, even by `kill -9`, and the whole group must end too.
const [command, ...args] = process.argv.slice(2);
if (command === undefined) throw new Error("usage: process-guard.ts COMMAND [ARGUMENT…]");

function end(): void {
  const cleanup = process.env.LAB_GUARD_CLEANUP;
  if (cleanup) {
    const [program = "", ...rest]: string[] = JSON.parse(cleanup);
    spawnSync(program, rest, { stdio: "ignore", timeout: 10_000 });
  }
  process.kill(-process.pid, "SIGKILL");
}

const { LAB_GUARD_CLEANUP: _cleanup, ...env } = process.env;
const child = spawn(command, args, { env, stdio: ["ignore", "inherit", "inherit"] });
child.on("error", (error) => {
  console.error(`${command}: ${error.message}`);
  process.exit(127);
});
child.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));

const pipe = new Socket({ fd: 3, readable: true, writable: false });
pipe.on("close", end);
pipe.on("error", end);
pipe.resume();
