import { createServer, type RequestListener, type Server } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

/** A listening address that can be closed and opened again at the same port. */
export class Listener {
  readonly #server: Server;
  readonly #host: string;
  #port: number;

  constructor(host: string, port: number, onRequest: RequestListener) {
    this.#server = createServer(onRequest);
    this.#host = host;
    this.#port = port;
  }

  get url(): string {
    return `http://${this.#host}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Opens; does nothing if it is open. Its former port may be in use by another process for a moment. */
  async open(): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!this.#server.listening) {
      try {
        await this.#listen();
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "EADDRINUSE" || Date.now() > deadline) throw error;
        await pause(50);
      }
    }
    const address = this.#server.address();
    if (address !== null && typeof address !== "string") this.#port = address.port;
  }

  /** Closes the address and every connection: what comes next is refused. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, this.#host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }
}
