/** The run was told to stop, and has come to a point where that is safe. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/**
 * Ctrl-C: the first one says how far each realm is and has the run stop between two phases; the second one ends it at once,
 * as `kill -9` does, which is as safe.
 */
export class StopRequest {
  readonly #say: (line: string) => void;
  readonly #states = new Map<string, string>();
  #isRequested = false;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Listens until the process ends. */
  listen(): void {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => this.#request());
  }

  #request(): void {
    if (this.#isRequested) process.exit(130);
    this.#isRequested = true;
    const states = [...this.#states].map(([realm, state]) => `\n  - realm ${realm}: ${state}`).join("");
    this.#say(
      `STOPPING at the next safe point; again: at once.${states || " Nothing was touched."}\nRun the same command again to go on.`,
    );
  }

  /**
   * A point at which stopping is safe.
   *
   * @param state how far the realm is, as a sentence without a full stop
   * @throws {Stopped}
   */
  safePoint(realm: string, state: string): void {
    this.#states.set(realm, state);
    if (this.#isRequested) throw new Stopped(state);
  }
}
