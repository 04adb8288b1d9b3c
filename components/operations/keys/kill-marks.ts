import { createHash } from "node:crypto";
import { type MarkChanges, markOf } from "./key-marks.ts";
import { isTrusted, type RealmKey, rotationOf } from "./realm-keys.ts";

/**
 * What `npm run kill` leaves on the keys for the `up` after it, which has no other trace of it: the kill writes no state.
 */
export interface KilledKey {
  /** The rotation that it was disabled for. */
  rotation: number;
  /** Whether every instance has been proven to reject it. */
  isProven: boolean;
  /** The beginning of the SHA-256 of the SHA256SUMS of the bundle that has the proof; empty where it is not known. */
  digest: string;
}

const digestLength = 16;

/** Set with the very request that disables a key, so that no crash can part them. */
export function openKill(rotation: number): MarkChanges {
  return { killed: `open ${rotation}`, died: null, foundDead: null, borrowed: null };
}

/** @param digest of the bundle that has the proof, hex. Default: not known */
export function provenKill(rotation: number, digest = ""): MarkChanges {
  return { killed: `proven ${rotation} ${digest.slice(0, digestLength)}`.trim() };
}

/** What a kill has left on a key; undefined for a key that no kill has disabled, or that somebody has enabled again. */
export function killOf(key: Pick<RealmKey, "killed" | "status">): KilledKey | undefined {
  const [, state, rotation, digest = ""] =
    /^(open|proven) ([0-9]+) ?([0-9a-f]*)$/.exec(key.killed ?? "") ?? [];
  if (isTrusted(key) || state === undefined) return undefined;
  return { rotation: Number(rotation), isProven: state === "proven", digest };
}

/** What a kill does besides the keys, and for which settings: an `up` with other settings does it again. */
export function killStep(name: "sessions" | "freeze", settings: unknown): string {
  return `${name}:${createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 8)}`;
}

/** What a kill has done of this rotation besides the keys, each as {@link killStep} writes it. Pure. */
export function killSteps(
  keys: readonly RealmKey[],
  { rotation, incident }: { rotation: number; incident: string },
): string[] {
  const isOurs = (key: RealmKey) =>
    isTrusted(key) && rotationOf(key.componentName) === rotation && key.incident === markOf(incident);
  return keys.filter(isOurs).flatMap(({ done = "" }) => done.split(" "));
}

/** The keys that a kill has disabled for a rotation. Pure. */
export function killsOf(keys: readonly RealmKey[], rotation: number): (RealmKey & { kill: KilledKey })[] {
  return keys.flatMap((key) => {
    const kill = killOf(key);
    return kill?.rotation === rotation ? [{ ...key, kill }] : [];
  });
}

/** Where the proof of such a key is, as a sentence without a full stop. */
export function describeKilled({ kid, algorithm, kill }: RealmKey & { kill: KilledKey }): string {
  const { rotation, isProven, digest } = kill;
  const what = `kid ${kid} (${algorithm}) was disabled before by npm run kill for rotation ${rotation}`;
  if (!isProven) return `${what}, which has NOT proven that the instances reject it`;
  const which = digest === "" ? "" : ` (the SHA-256 of its SHA256SUMS begins with ${digest})`;
  return `${what}; the proof that the instances reject it is in the evidence bundle of that run${which}, not in this one`;
}
