import { createServer } from "node:net";

/**
 * Finds a port that nobody listens on. Another may take it before its user does: whoever starts something with it
 * tries again with another.
 *
 * @throws Error with the system's code, such as EADDRINUSE where the port asked for is taken
 */
export async function freePort(host = "127.0.0.1", port = 0): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port on loopback");
  return address.port;
}
