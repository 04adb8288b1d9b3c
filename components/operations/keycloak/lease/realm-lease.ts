import { type Clock, systemClock } from "../../base/clock.ts";
import { messageOf, RotationError } from "../../base/errors.ts";
import type { KeycloakAdmin } from "../keycloak-admin.ts";
import { type Claimant, isAboutToKill, judge, renewEveryMs, silenceMs } from "./judge.ts";
import { createLease, deleteLeases, listLeases, type StoredLease, writeLease } from "./lease-store.ts";
import { describeHolder, type Holder, leaseId } from "./record.ts";

export interface LeaseRequest extends Claimant {
  admin: KeycloakAdmin;
  holder: Omit<Holder, "since">;
  /** Called with what a person should know, a line each. */
  progress: (line: string) => void;
  /** Default: the system's. */
  clock?: Clock;
}

/** Milliseconds between two looks at a lease that somebody else holds. */
const lookEveryMs = 250;

/**
 * A run's claim to be the only one that changes a realm's keys. It is a realm role, because Keycloak makes only one of
 * a name, and the one with the highest number holds. Whoever has lost it finds out before its next change.
 *
 * It keeps runs in order and protects no key. What keeps a realm from being left without one are the rules of the cut-over.
 */
export class RealmLease {
  readonly #request: LeaseRequest;
  readonly #clock: Clock;
  #stored: StoredLease | undefined;
  #renewing: NodeJS.Timeout | undefined;
  #taking: Promise<void> | undefined;
  #deadAt = "";
  /** An emergency that could not have it once goes on without. */
  #isWithout = false;

  constructor(request: LeaseRequest) {
    this.#request = request;
    this.#clock = request.clock ?? systemClock;
  }

  /**
   * To be awaited before each change of a key: takes the lease, or sees that it is still there. In an emergency a realm
   * that can't keep a lease costs the order, not the kill.
   *
   * @throws {RotationError} LEASE_HELD where somebody else has it; LEASE_LOST where somebody else has taken it; outside an
   *   emergency any Keycloak code
   */
  async hold(): Promise<void> {
    if (this.#isWithout) return;
    try {
      this.#taking ??= this.#takeOrSee();
      await this.#taking;
    } catch (error) {
      const isLost = error instanceof RotationError && /^LEASE_/.test(error.code);
      if (isLost || this.#request.mode !== "emergency") throw error;
      this.#isWithout = true;
      const { progress, admin } = this.#request;
      progress(`goes on without the lease of realm ${admin.realmName}: ${messageOf(error)}`);
    } finally {
      this.#taking = undefined;
    }
  }

  /** The old keys are dead: another emergency need not wait any longer. */
  keysAreDead(): void {
    this.#deadAt = this.#now();
  }

  /** Lets others go on at once. Never throws: a lease that is left dies with its holder. */
  async release(): Promise<void> {
    clearInterval(this.#renewing);
    const stored = this.#stored;
    this.#stored = undefined;
    if (!stored) return;
    try {
      const all = await listLeases(this.#request.admin);
      const own = all.filter(({ lease }) => lease.epoch <= stored.lease.epoch);
      await deleteLeases(this.#request.admin, own);
    } catch (error) {
      this.#request.progress(`the lease of this run is left: ${messageOf(error)}`);
    }
  }

  async #takeOrSee(): Promise<void> {
    const { admin, holder } = this.#request;
    const [current] = await listLeases(admin);
    if (current && current.lease.run === holder.run) return;
    const hadIt = this.#stored !== undefined;
    this.#stored = undefined;
    if (current) await this.#wrest(current, hadIt);
    else await this.#make(1);
  }

  /** Waits for somebody else's lease to be free, or takes it. */
  async #wrest(first: StoredLease, hadIt: boolean): Promise<void> {
    const { admin, progress, mode } = this.#request;
    let seen = first;
    let since = this.#clock.now();
    for (;;) {
      if (judge(this.#request, seen.lease) === "take" || this.#clock.now() - since >= silenceMs[mode]) {
        progress(`takes the lease of realm ${admin.realmName} over from ${describeHolder(seen.lease)}`);
        return this.#make(seen.lease.epoch + 1);
      }
      await this.#clock.delay(lookEveryMs);
      const [current] = await listLeases(admin);
      if (!current) return this.#make(1);
      const lives = current.lease.run !== seen.lease.run || current.lease.renewedAt !== seen.lease.renewedAt;
      if (lives && judge(this.#request, current.lease) === "watch") {
        if (!isAboutToKill(this.#request, current.lease)) throw this.#refused(current, hadIt);
        since = this.#clock.now();
      }
      seen = current;
    }
  }

  async #make(epoch: number): Promise<void> {
    const { admin, holder } = this.#request;
    const since = this.#now();
    const lease = { ...holder, since, epoch, renewedAt: since, deadAt: this.#deadAt };
    // Somebody else was first.
    if (!(await createLease(admin, lease))) return this.#again();
    const all = await listLeases(admin);
    const own = all.find(({ lease: found }) => found.run === holder.run);
    if (!own || own !== all[0]) return this.#again();
    this.#stored = own;
    this.#renew(own);
    await deleteLeases(admin, all.slice(1)).catch(() => undefined);
  }

  async #again(): Promise<void> {
    await this.#clock.delay(lookEveryMs);
    return this.#takeOrSee();
  }

  /** Shows every now and then that the holder lives, until the lease is released. */
  #renew(own: StoredLease): void {
    clearInterval(this.#renewing);
    const renew = () => {
      const lease = { ...own.lease, renewedAt: this.#now(), deadAt: this.#deadAt };
      // Who has taken it over has deleted it: the next change finds out. A Keycloak that fails may be back in time.
      writeLease(this.#request.admin, { ...own, lease }).catch(() => undefined);
    };
    this.#renewing = setInterval(renew, renewEveryMs).unref();
  }

  #refused({ lease }: StoredLease, hadIt: boolean): RotationError {
    const { admin } = this.#request;
    const [code, what] = hadIt
      ? (["LEASE_LOST", "was taken over while this run was under way, by"] as const)
      : (["LEASE_HELD", "is held by"] as const);
    return new RotationError(
      code,
      `the lease of realm ${admin.realmName} ${what} ${describeHolder(lease)}; it renewed it last at ${lease.renewedAt}, by its own clock, and loses it when it has not for some seconds`,
      {
        nextStep: `wait for that run to end, or stop it, then run the same up again; to take the lease over all the same, set takeOverLease to ${leaseId(lease)}`,
      },
    );
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}
