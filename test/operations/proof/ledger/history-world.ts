import { closedBy } from "#operations/keys/death-marks";
import type { MarkChanges } from "#operations/keys/key-marks";
import { isTrusted, managedKeyName, type RealmKey } from "#operations/keys/realm-keys";
import { realmKey } from "../../samples.ts";

/** One verifier with a cache of its own. */
export interface Process {
  name: string;
  /** A pod tells when it started; a URL of the static list does not. */
  isPod: boolean;
  /** In seconds. */
  startedAt: number;
  /** Kids of the keys in its cache. */
  trusts: Set<string>;
  /** Whether it keeps its cache whatever it is told, until it is restarted. */
  isStubborn: boolean;
}

/**
 * What is true, whoever knows of it: the realm's keys, and which process trusts which of them. It knows nothing of
 * ledgers: only who can find out what.
 */
export class World {
  /** In seconds. */
  now = 0;
  keys: RealmKey[] = [this.#newKey("k0", {})];
  processes: Process[] = [];
  acknowledged = new Set<string>();
  /**
   * Kids of which nobody can know: somebody has removed a key that no run had seen, or whose trace was lost with the state;
   * or has enabled a closed key again and disabled it once more between two runs.
   */
  readonly hidden = new Set<string>();
  /** Kids of keys that somebody has enabled again, as long as no run has seen that. */
  readonly revivedUnseen = new Set<string>();
  #made = 0;
  #started = 0;

  #newKey(kid: string, change: Partial<RealmKey>): RealmKey {
    return realmKey(kid, { componentName: `by-hand-${kid}`, signing: false, ...change });
  }

  tick(): number {
    this.now += 2;
    return this.now;
  }

  trustedKids(): string[] {
    return this.keys.filter(isTrusted).map(({ kid }) => kid);
  }

  addKey(rotation?: number): RealmKey {
    this.#made += 1;
    const componentName = rotation === undefined ? "by-hand" : managedKeyName(rotation, "RS256");
    const key = this.#newKey(`k${this.#made}`, { componentName });
    this.keys.push(key);
    return key;
  }

  change(kid: string, change: Partial<RealmKey>, marks: MarkChanges = {}): void {
    this.keys = this.keys.map((key) => {
      if (key.kid !== kid) return key;
      const next = { ...key, ...change } as RealmKey & Record<string, unknown>;
      for (const [name, value] of Object.entries(marks))
        if (value === null) delete next[name];
        else next[name] = value;
      return next;
    });
  }

  enableByHand(kid: string): void {
    this.change(kid, { status: "ACTIVE" });
    this.revivedUnseen.add(kid);
  }

  disableByHand(kid: string): void {
    const key = this.keys.find((one) => one.kid === kid);
    if (key && (this.revivedUnseen.has(kid) || closedBy({ ...key, status: "DISABLED" })))
      this.hidden.add(kid);
    this.change(kid, { status: "DISABLED" });
  }

  /** @param isKnown whether the program's state has a trace of it */
  removeByHand(kid: string, isKnown: boolean): void {
    if (!isKnown || this.revivedUnseen.has(kid)) this.hidden.add(kid);
    this.keys = this.keys.filter((key) => key.kid !== kid);
  }

  addProcess(change: Partial<Process> = {}): Process {
    this.#started += 1;
    const process = {
      ...{ name: `p${this.#started}`, isPod: true, startedAt: this.now, isStubborn: false },
      trusts: new Set(this.trustedKids()),
      ...change,
    };
    this.processes.push(process);
    return process;
  }

  fetch(process: Process): void {
    if (!process.isStubborn) process.trusts = new Set(this.trustedKids());
  }

  /** A pod is replaced by another one. */
  restart(process: Process): void {
    this.tick();
    const trusts = new Set(this.trustedKids());
    const fresh = { isStubborn: false, startedAt: this.now, trusts };
    if (!process.isPod) Object.assign(process, fresh);
    else {
      this.processes = this.processes.filter((one) => one !== process);
      this.addProcess(fresh);
    }
  }

  /**
   * Who trusts a key that nobody should trust any more, and of which somebody could know.
   *
   * @param isUnknowable a key of which even the program's state can't know
   */
  falselyTrusted(isUnknowable: (kid: string) => boolean): string[] {
    const isKnowable = (kid: string) =>
      !this.hidden.has(kid) && !this.acknowledged.has(kid) && !isUnknowable(kid);
    const isDead = (kid: string) => !this.trustedKids().includes(kid) && isKnowable(kid);
    return this.processes.flatMap(({ name, trusts }) =>
      [...trusts].filter(isDead).map((kid) => `${name} trusts ${kid}`),
    );
  }
}
