import { Socket } from "node:net";

// Preloaded into every child: descriptor 3 is a pipe that the engine never writes to. When it closes, the
// engine is gone, whatever killed it, and nothing of ours may go on changing the world without it.
const pipe = new Socket({ fd: 3, readable: true, writable: false });
pipe.on("close", () => process.kill(process.pid, "SIGKILL"));
pipe.on("error", () => process.kill(process.pid, "SIGKILL"));
pipe.resume();
pipe.unref();

process.on("SIGTERM", () => process.exit(143));
