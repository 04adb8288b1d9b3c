import { describeDuration } from "../base/durations.ts";
import { isRevived } from "./death-marks.ts";
import { isMarkedFor, markOf } from "./key-marks.ts";
import { highestRotation } from "./publish-key.ts";
import { describeKey, isTrusted, type RealmKey, rotationOf } from "./realm-keys.ts";
import { isActive, type RunView } from "./run-view.ts";

function phrase(keys: readonly RealmKey[], singular: string, plural: string): string {
  return `${keys.map(describeKey).join(", ")} ${keys.length === 1 ? singular : plural}`;
}

/** A rotation whose key was rolled back and retired can't be continued. */
export function takenBack({ fresh, rotation }: RunView): string[] {
  const revived = fresh.filter(isRevived);
  if (revived.length > 0) {
    const it = revived.length === 1 ? "it" : "them";
    return [
      `rotation: ${rotation} is over: ${phrase(revived, "was", "were")} retired and somebody has enabled ${it} again; set rotation to ${rotation + 1}, which disables ${it}`,
    ];
  }
  const dead = fresh.filter((key) => !isTrusted(key));
  if (dead.length === 0) return [];
  return [
    `rotation: ${rotation} is over: ${phrase(dead, "is", "are")} disabled, and a disabled key is never enabled again; set rotation to ${rotation + 1}`,
  ];
}

/**
 * An emergency whose `rotation` was not bumped would retire nothing, and leave the key in use that may be stolen.
 * Whether it has retired something before shows in the mark of the key that signs.
 */
export function forgottenBump({ keys, fresh, others, signs, rotation, incident }: RunView): string[] {
  const mark = markOf(incident);
  const isFor = (key: RealmKey) => isMarkedFor(key, mark);
  if (!signs || others.length > 0 || fresh.every(isFor)) return [];
  const old = fresh.filter((key) => isTrusted(key) && !isFor(key));
  return [
    `rotation: it is still ${rotation}, ${phrase(old, "signs", "sign")} already and no key would be retired for ${incident}; set rotation to ${highestRotationOf(keys) + 1}`,
  ];
}

/** The same where other keys are retired: what an emergency leaves in use is said. */
export function keptInUse({ fresh, others, signs, rotation, incident }: RunView): string[] {
  if (!signs || others.length === 0) return [];
  const old = fresh.filter((key) => key.incident !== markOf(incident));
  if (old.length === 0) return [];
  return [
    `rotation is still ${rotation}: ${phrase(old, "goes", "go")} on signing, as of before ${incident}; if that may be stolen, set rotation to ${rotation + 1}`,
  ];
}

/** A new rotation waits for the overlap of the one before: its passive keys would lose their rest of it. */
export function overlapRunning({ keys, fresh, others, rotation, overlapEnd, now }: RunView): string[] {
  if (fresh.length > 0 || overlapEnd === undefined || overlapEnd <= now) return [];
  const passive = others.filter((key) => !isActive(key));
  if (passive.length === 0) return [];
  const left = describeDuration(Date.parse(overlapEnd) - Date.parse(now));
  const running = highestRotationOf(keys);
  // In mode planned, the key that was rolled back would sign again.
  const isBack = passive.some(({ componentName }) => rotationOf(componentName) === running);
  return [
    `rotation: ${rotation} must wait, the overlap of rotation ${running} ends at ${overlapEnd} (${left} left) and ${phrase(passive, "is", "are")} trusted until then; until it ends, set rotation to ${running}${isBack ? " and mode to rollback" : ""}, or set mode to emergency to end it at once`,
  ];
}

/** Why a rollback is refused. */
export function rollbackProblems({ keys, fresh, rotation, signers }: RunView): string[] {
  const highest = highestRotationOf(keys);
  if (fresh.length === 0)
    return [
      highest === 0
        ? "mode: rollback has nothing to take back, since this realm has had no rotation; set mode to planned or emergency"
        : `rotation: rollback takes back rotation ${highest} and makes no new key; set rotation to ${highest}`,
    ];
  if (signers.length > 0) return [];
  const currentSigners = phrase(
    fresh.filter(({ signing }) => signing),
    "keeps",
    "keep",
  );
  return [
    `mode: rollback is not possible, because no signing key from before rotation ${rotation} is still trusted and a disabled key is never enabled again; ${currentSigners} signing; set mode to planned and rotation to ${rotation + 1} for a new key`,
  ];
}

function highestRotationOf(keys: readonly RealmKey[]): number {
  return highestRotation(keys.map(({ componentName }) => ({ name: componentName })));
}
