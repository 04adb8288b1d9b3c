/** The run was told to stop, and has come to a point where that is safe. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/**
 * Ctrl-C: the first one says how far each realm is and has the run stop between two phases; the second one ends it at once,
 * as `kill -9` does, which is as safe. In the watch after a realm's proof it ends nothing but that watch.
 */
export class StopRequest {
  readonly #say: (line: string) => void;
  /** How far the realms are that can still be stopped. */
  readonly #states = new Map<string, string>();
  readonly #watches = new Map<string, AbortController>();
  #isAtTheEnd = false;
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
    const watched = [...this.#watches.keys()];
    for (const [realm, watch] of this.#watches) {
      this.#say(`The watch of realm ${realm} ends now. What was proven stays proven; the report comes next.`);
      this.#watches.delete(realm);
      watch.abort();
    }
    // Whoever was watched is not to be stopped with it: its report and the thaw are still to come.
    if (watched.length > 0 && this.#states.size === 0) return;
    this.#isRequested = true;
    const states = [...this.#states].map(([realm, state]) => `\n  - realm ${realm}: ${state}`).join("");
    const none = this.#isAtTheEnd ? " Only the reports are still to come." : " Nothing was touched.";
    this.#say(
      `STOPPING at the next safe point; again: at once.${states || none}\nRun the same command again to go on.`,
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

  /** The watch after a realm's last safe point, which Ctrl-C cuts short. */
  async whileWatching<T>(realm: string, watch: (cut: AbortSignal) => Promise<T>): Promise<T> {
    const end = new AbortController();
    this.#states.delete(realm);
    this.#isAtTheEnd = true;
    this.#watches.set(realm, end);
    // It was asked for while the realm was being verified.
    if (this.#isRequested) end.abort();
    try {
      return await watch(end.signal);
    } finally {
      this.#watches.delete(realm);
    }
  }
}
