/**
 * Pieces of work that put something and take it back at once. When the process is told to stop, those under way come to
 * their end first, and no other begins.
 */
export class UndoGuard {
  readonly #underWay = new Set<Promise<unknown>>();
  #isStopping = false;

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Whether there is something that is put and not yet taken back. */
  get isBusy(): boolean {
    return this.#underWay.size > 0;
  }

  /** Does a piece of work; undefined where the process is about to stop. */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#isStopping) return undefined;
    const working = work();
    this.#underWay.add(working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(working);
    }
  }

  /** Lets nothing new begin, and resolves when everything is taken back. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.allSettled(this.#underWay);
  }
}
