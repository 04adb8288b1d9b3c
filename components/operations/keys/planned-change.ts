import { describeDuration } from "../base/durations.ts";
import { describeKey, managedKeyName, type RealmKey } from "./realm-keys.ts";

/** One change that an `up` would make to the realm's keys. */
export type PlannedChange =
  | { kind: "publish"; algorithm: string; rotation: number }
  | { kind: "activate"; key: RealmKey }
  | { kind: "sign-again"; key: RealmKey }
  | { kind: "adopt"; key: RealmKey }
  /** `trustedForMs`: for how long its tokens are accepted from now. */
  | { kind: "passivate"; key: RealmKey; trustedForMs: number }
  | { kind: "disable"; key: RealmKey }
  /** `overlapEnd`: ISO 8601 UTC. */
  | { kind: "retire"; key: RealmKey; overlapEnd: string | undefined }
  | { kind: "delete"; key: RealmKey; keepRetired: number };

/** A change as one sentence. */
export function describeChange(change: PlannedChange): string {
  switch (change.kind) {
    case "publish":
      return `publish a new ${change.algorithm} key for rotation ${change.rotation}, and make it the signer`;
    case "activate":
      return `${describeKey(change.key)} becomes the signer`;
    case "sign-again":
      return `${describeKey(change.key)} signs again`;
    case "adopt":
      return `${describeKey(change.key)} keeps signing, and is renamed to ${managedKeyName(0, change.key.algorithm)}`;
    case "passivate":
      return `${describeKey(change.key)} no longer signs; its tokens are accepted for another ${describeDuration(change.trustedForMs)}, then the next up retires it`;
    case "disable":
      return `disable ${describeKey(change.key)} at once: its tokens are refused from then on`;
    case "retire":
      return `retire ${describeKey(change.key)}: its overlap ended at ${change.overlapEnd}; its tokens are refused from then on`;
    case "delete":
      return `delete ${describeKey(change.key)}: it is disabled, and keepRetired is ${change.keepRetired}`;
    default:
      return change satisfies never;
  }
}
