import { z } from "zod";
import type { Operation } from "./operation.ts";

/** A process at the other end: `process` for a worker, a cluster's `Worker` for their primary. */
export interface Peer {
  send?(message: object): boolean;
  on(event: "message", listener: (message: unknown) => void): unknown;
}

const request = z.object({ request: z.number(), operation: z.custom<Operation>() });
const answer = z.object({ answer: z.number(), failed: z.string().optional() });

/** Passes operations to another process of the same instance, and carries out those that come from it. */
export class OperationChannel {
  readonly #peer: Peer;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #sent = 0;

  constructor(peer: Peer, carryOut: (operation: Operation) => Promise<void>) {
    this.#peer = peer;
    peer.on("message", (message) => {
      const { data: asked } = request.safeParse(message);
      if (asked) void this.#serve(asked, carryOut);
      const { data: answered } = answer.safeParse(message);
      if (answered) this.#settle(answered);
    });
  }

  /** Resolves when the other process has carried it out. */
  pass(operation: Operation): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#sent += 1;
    this.#waiting.set(this.#sent, waiting);
    this.#peer.send?.({ request: this.#sent, operation });
    return waiting.promise;
  }

  /** The other process has ended: it holds no keys any more, so nothing is left to carry out. */
  close(): void {
    for (const { resolve } of this.#waiting.values()) resolve();
    this.#waiting.clear();
  }

  async #serve(
    { request: number, operation }: z.infer<typeof request>,
    carryOut: (operation: Operation) => Promise<void>,
  ): Promise<void> {
    const failed = await carryOut(operation).then(
      () => undefined,
      (error: Error) => error.message,
    );
    this.#peer.send?.({ answer: number, ...(failed === undefined ? {} : { failed }) });
  }

  #settle({ answer: number, failed }: z.infer<typeof answer>): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (failed === undefined) waiting?.resolve();
    else waiting?.reject(new Error(failed));
  }
}
