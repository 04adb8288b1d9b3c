import { type Holder, type Lease, leaseId } from "./record.ts";

/** Milliseconds between two signs of life of a holder. */
export const renewEveryMs = 1_000;
/** Milliseconds without one after which a holder counts as dead; an emergency has less time. */
export const silenceMs = { planned: 5_000, rollback: 5_000, emergency: 3_000 } as const;
/** Milliseconds within which the old keys of an emergency must be dead; one that takes longer hangs. */
const killMs = 10_000;

/** `take`: it is there for the taking. `watch`: it is, once its holder shows no more sign of life. */
export type Judgement = "take" | "watch";

/** A run that wants the lease of another. */
export interface Claimant extends Pick<Holder, "mode" | "rotation"> {
  /** The lease that a person has said it may take over; empty: none. */
  takeOver: string;
}

/**
 * Whether a lease may be taken from its holder at once. It never protects a key: an emergency takes it from any run but
 * another emergency that is about to kill the same keys, and from that one too where it hangs. Pure.
 */
export function judge({ mode, rotation, takeOver }: Claimant, held: Lease): Judgement {
  if (takeOver === leaseId(held)) return "take";
  if (mode !== "emergency") return "watch";
  if (held.mode !== "emergency") return "take";
  if (held.deadAt !== "") return rotation > held.rotation ? "take" : "watch";
  // Both times are of the holder's own clock.
  return Date.parse(held.renewedAt) - Date.parse(held.since) > killMs ? "take" : "watch";
}

/** Whether it makes sense to wait for a holder that lives: the keys that it is about to kill die within seconds. Pure. */
export function isAboutToKill({ mode, rotation }: Claimant, held: Lease): boolean {
  return mode === "emergency" && held.mode === "emergency" && held.deadAt === "" && rotation > held.rotation;
}
