import type { OperationType, PendingOperation, ResourceState, Snapshot } from "./resource-state.ts";

/**
 * Merges what this run has done into the state it started from, and saves after each step. The saved list
 * stays topologically sorted: new states first, then the old ones that no step has finished.
 */
export class SnapshotManager {
  readonly base: Snapshot;
  readonly #save: (snapshot: Snapshot) => Promise<void>;
  readonly #news: ResourceState[] = [];
  readonly #done = new Set<ResourceState>();
  readonly #running = new Map<ResourceState, PendingOperation>();
  #rebuilt: Snapshot | undefined;
  #writing: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;

  constructor(base: Snapshot, save: (snapshot: Snapshot) => Promise<void>) {
    this.base = base;
    this.#save = save;
  }

  /** The state as of now. Interrupted creations of earlier runs stay listed until a refresh clears them. */
  current(): Snapshot {
    if (this.#rebuilt !== undefined) return this.#rebuilt;
    const keep = (state: ResourceState): boolean => !this.#done.has(state);
    const creating = this.base.pendingOperations.filter(({ type }) => type === "creating");
    return {
      resources: [...this.#news.filter(keep), ...this.base.resources.filter(keep)],
      pendingOperations: [...this.#running.values(), ...creating],
    };
  }

  /** Records that a step is about to touch the world. */
  async begin(resource: ResourceState, type: OperationType): Promise<void> {
    this.#running.set(resource, { resource, type });
    await this.save();
  }

  /** Records the end of a step: the states that it made, and those that are gone. */
  async end(operation: ResourceState, made: ResourceState[], gone: ResourceState[]): Promise<void> {
    this.#running.delete(operation);
    this.put(made, gone);
    await this.save();
  }

  /** Takes over states without writing: a later save will carry them. */
  put(made: ResourceState[], gone: ResourceState[]): void {
    this.#news.push(...made);
    for (const state of gone) this.#done.add(state);
  }

  /** Makes this the state, whatever the steps have done. A refresh ends like this. */
  rebuild(snapshot: Snapshot): void {
    this.#rebuilt = snapshot;
  }

  /** Resolves once a write that began after this call has finished. Waiting calls share one write. */
  save(): Promise<void> {
    this.#queued ??= this.#writing.then(() => {
      this.#queued = undefined;
      this.#writing = this.#save(this.current());
      return this.#writing;
    });
    return this.#queued;
  }
}
