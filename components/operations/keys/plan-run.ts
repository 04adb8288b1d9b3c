import { describeDuration } from "../base/durations.ts";
import type { Mode, Stage } from "../base/run-context.ts";
import { obsoleteKeys, rollbackSigners } from "./plan-cutover.ts";
import { describeChange, type PlannedChange } from "./planned-change.ts";
import { highestRotation } from "./publish-key.ts";
import { describeKey, isTrusted, type RealmKey, rotationOf } from "./realm-keys.ts";

export interface RunQuestion {
  rotation: number;
  mode: Mode;
  algorithms: readonly string[];
  exemptKeys: readonly string[];
  /** How long keys that no longer sign stay trusted, in milliseconds. */
  overlapMs: number;
  /** Rotations whose disabled keys stay in Keycloak when a later one is retired. */
  keepRetired: number;
  /** ISO 8601 UTC. */
  now: string;
}

/** What an `up` would do to the realm's keys. */
export interface RunPlan {
  stage: Stage;
  changes: PlannedChange[];
  /** A sentence for each change; empty where there is none. */
  actions: string[];
  /** Why the update is refused, each a sentence that begins with the config key. */
  problems: string[];
}

type Plan = Omit<RunPlan, "actions">;

/** The realm's keys, sorted by what they are to this rotation. */
interface View extends RunQuestion {
  fresh: RealmKey[];
  /** Trusted keys that are neither the rotation's nor exempt. */
  others: RealmKey[];
  /** Whether the rotation's keys sign for every algorithm. */
  signs: boolean;
  /** End of the current or the latest overlap, ISO 8601 UTC. */
  overlapEnd: string | undefined;
  keys: readonly RealmKey[];
}

/**
 * Decides how far a rotation has come, from nothing but the realm's keys and the clock: a preview then says what the
 * `up` after it does, whatever the stack's state holds. Pure.
 */
export function planRun(keys: readonly RealmKey[], question: RunQuestion): RunPlan {
  const plan = planFor(look(keys, question));
  return { ...plan, actions: plan.changes.map(describeChange) };
}

function planFor(view: View): Plan {
  switch (view.mode) {
    case "emergency":
      return { stage: "final", changes: emergencyChanges(view), problems: takenBack(view) };
    case "planned":
      return planPlanned(view);
    case "rollback":
      return planRollback(view);
    default:
      return view.mode satisfies never;
  }
}

function look(keys: readonly RealmKey[], question: RunQuestion): View {
  const { rotation, algorithms, exemptKeys } = question;
  const fresh = keys.filter(({ componentName }) => rotationOf(componentName) === rotation);
  const others = keys.filter(
    (key) => isTrusted(key) && !fresh.includes(key) && !exemptKeys.includes(key.componentName),
  );
  const signs = algorithms.every((algorithm) =>
    fresh.some((key) => key.algorithm === algorithm && key.signing),
  );
  return { ...question, keys, fresh, others, signs, overlapEnd: overlapEnd(keys) };
}

/** End of the latest overlap that was started when one of the current signing keys was activated. */
export function overlapEnd(keys: readonly RealmKey[]): string | undefined {
  return keys
    .flatMap(({ signing, retireAfter }) => (signing && retireAfter ? [retireAfter] : []))
    .toSorted()
    .at(-1);
}

function planPlanned(view: View): Plan {
  const problems = [...takenBack(view), ...overlapRunning(view)];
  if (view.signs && isOver(view, view.others)) {
    return { stage: "final", changes: retirement(view, view.others), problems };
  }
  const changes = [
    ...publishes(view),
    // A passive key without an end of its overlap, such as one that somebody has enabled again, gets an overlap.
    ...view.others
      .filter((key) => isActive(key) || view.overlapEnd === undefined)
      .map((key) => becomesPassive(key, view, view.signs)),
  ];
  return { stage: "overlap", changes, problems };
}

function planRollback(view: View): Plan {
  const signers = rollbackSigners(view.keys, view.exemptKeys, (key) => view.fresh.includes(key));
  const problems = rollbackProblems(view, signers);
  if (problems.length > 0) return { stage: "overlap", changes: [], problems };
  const others = view.keys.filter(
    (key) => isTrusted(key) && !signers.includes(key) && !view.exemptKeys.includes(key.componentName),
  );
  const isBack = signers.every(({ signing }) => signing);
  if (isBack && isOver(view, others)) {
    return { stage: "final", changes: retirement(view, others), problems };
  }
  const changes = [
    ...signers.flatMap(signsOnceMore),
    ...others.filter(isActive).map((key) => becomesPassive(key, view, isBack)),
  ];
  return { stage: "overlap", changes, problems };
}

function signsOnceMore(key: RealmKey): PlannedChange[] {
  if (!key.signing) return [{ kind: "sign-again", key }];
  const isAdopted = rotationOf(key.componentName) === undefined;
  return isAdopted ? [{ kind: "adopt", key }] : [];
}

/** Whether only the retirement is left to do, and the overlap has ended. */
function isOver({ overlapEnd, now }: View, others: readonly RealmKey[]): boolean {
  if (others.some(isActive)) return false;
  return overlapEnd === undefined ? others.length === 0 : overlapEnd <= now;
}

function isActive({ status }: RealmKey): boolean {
  return status === "ACTIVE";
}

function emergencyChanges(view: View): PlannedChange[] {
  return [...publishes(view), ...view.others.map((key) => ({ kind: "disable" as const, key }))];
}

function publishes({ algorithms, fresh, rotation }: View): PlannedChange[] {
  return algorithms.flatMap((algorithm): PlannedChange[] => {
    const key = fresh.find((one) => one.algorithm === algorithm);
    if (key?.signing) return [];
    if (key) return [{ kind: "activate", key }];
    return [{ kind: "publish", algorithm, rotation }];
  });
}

function phrase(keys: readonly RealmKey[], singular: string, plural: string): string {
  return `${keys.map(describeKey).join(", ")} ${keys.length === 1 ? singular : plural}`;
}

/** An overlap starts when the new signer is activated; it does not start again while that signer signs. */
function becomesPassive(
  key: RealmKey,
  { overlapMs, overlapEnd, now }: View,
  isBegun: boolean,
): PlannedChange {
  const trustedForMs =
    isBegun && overlapEnd && overlapEnd > now ? Date.parse(overlapEnd) - Date.parse(now) : overlapMs;
  return { kind: "passivate", key, trustedForMs };
}

/** The keys that are retired, and the obsolete keys that are deleted with them. */
function retirement(view: View, others: readonly RealmKey[]): PlannedChange[] {
  if (others.length === 0) return [];
  const after = view.keys.map((key) =>
    others.includes(key) ? { ...key, status: "DISABLED" as const } : key,
  );
  const isRetiredNow = ({ kid }: RealmKey) => others.some((key) => key.kid === kid);
  const obsolete = obsoleteKeys(after, view.keepRetired).filter((key) => !isRetiredNow(key));
  return [
    ...others.map((key) => ({ kind: "retire" as const, key, overlapEnd: view.overlapEnd })),
    ...obsolete.map((key) => ({ kind: "delete" as const, key, keepRetired: view.keepRetired })),
  ];
}

/** A rotation whose key was rolled back and retired can't be continued. */
function takenBack({ fresh, rotation }: View): string[] {
  const dead = fresh.filter((key) => !isTrusted(key));
  if (dead.length === 0) return [];
  return [
    `rotation: ${rotation} is over: ${phrase(dead, "is", "are")} disabled, and a disabled key is never enabled again; set rotation to ${rotation + 1}`,
  ];
}

function overlapRunning({ keys, fresh, others, rotation, overlapEnd, now }: View): string[] {
  if (fresh.length > 0 || overlapEnd === undefined || overlapEnd <= now) return [];
  const passive = others.filter((key) => !isActive(key));
  if (passive.length === 0) return [];
  const left = describeDuration(Date.parse(overlapEnd) - Date.parse(now));
  const running = highestRotation(keys.map(({ componentName }) => ({ name: componentName })));
  // In mode planned, the key that was rolled back would sign again.
  const isBack = passive.some(({ componentName }) => rotationOf(componentName) === running);
  return [
    `rotation: ${rotation} must wait, the overlap of rotation ${running} ends at ${overlapEnd} (${left} left) and ${phrase(passive, "is", "are")} trusted until then; until it ends, set rotation to ${running}${isBack ? " and mode to rollback" : ""}, or set mode to emergency to end it at once`,
  ];
}

function rollbackProblems({ keys, fresh, rotation }: View, signers: readonly RealmKey[]): string[] {
  const highest = highestRotation(keys.map(({ componentName }) => ({ name: componentName })));
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
