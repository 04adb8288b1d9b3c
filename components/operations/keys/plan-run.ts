import type { Stage } from "../base/run-context.ts";
import { isRevived } from "./death-marks.ts";
import { obsoleteKeys } from "./obsolete-keys.ts";
import { describeChange, type PlannedChange } from "./planned-change.ts";
import { type RealmKey, rotationOf } from "./realm-keys.ts";
import { forgottenBump, keptInUse, overlapRunning, rollbackProblems, takenBack } from "./run-problems.ts";
import { isActive, type RunQuestion, type RunView, viewRun } from "./run-view.ts";

/** What an `up` would do to the realm's keys. */
export interface RunPlan {
  stage: Stage;
  changes: PlannedChange[];
  /** A sentence for each change; empty where there is none. */
  actions: string[];
  /** Why the update is refused, each a sentence that begins with the config key. */
  problems: string[];
  /** What should be known before it is run. */
  warnings: string[];
}

type Plan = Omit<RunPlan, "actions" | "warnings"> & { warnings?: string[] };

/**
 * Decides how far a rotation has come, from nothing but the realm's keys and the clock: a preview then says what the
 * `up` after it does, whatever the stack's state holds. Pure.
 */
export function planRun(keys: readonly RealmKey[], question: RunQuestion): RunPlan {
  const plan = planFor(viewRun(keys, question));
  return { warnings: [], ...plan, actions: plan.changes.map(describeChange) };
}

function planFor(view: RunView): Plan {
  switch (view.mode) {
    case "emergency":
      return {
        stage: "final",
        changes: emergencyChanges(view),
        problems: [...takenBack(view), ...forgottenBump(view)],
        warnings: keptInUse(view),
      };
    case "planned":
      return withRevived(view, planPlanned);
    case "rollback":
      return withRevived(view, planRollback);
    default:
      return view.mode satisfies never;
  }
}

function emergencyChanges(view: RunView): PlannedChange[] {
  return [...publishes(view), ...disables(view.others)];
}

/** Keys that were retired before and enabled again are disabled at once, in every mode; the others keep their overlap. */
function withRevived(view: RunView, planOthers: (view: RunView) => Plan): Plan {
  const plan = planOthers({ ...view, others: view.others.filter((key) => !isRevived(key)) });
  return { ...plan, changes: [...disables(view.others.filter(isRevived)), ...plan.changes] };
}

function disables(keys: readonly RealmKey[]): PlannedChange[] {
  return keys.map((key) => ({ kind: "disable", key }));
}

function planPlanned(view: RunView): Plan {
  const problems = [...takenBack(view), ...overlapRunning(view)];
  if (view.signs && isOver(view)) return { stage: "final", changes: retirement(view), problems };
  const changes = [
    ...publishes(view),
    // A passive key whose overlap has no known end, such as one that an older version retired and somebody has enabled again, gets one.
    ...view.others
      .filter((key) => isActive(key) || view.overlapEnd === undefined)
      .map((key) => becomesPassive(key, view)),
  ];
  return { stage: "overlap", changes, problems };
}

function planRollback(view: RunView): Plan {
  const problems = rollbackProblems(view);
  if (problems.length > 0) return { stage: "overlap", changes: [], problems };
  if (view.signs && isOver(view)) return { stage: "final", changes: retirement(view), problems };
  const changes = [
    ...view.signers.flatMap(signsOnceMore),
    ...view.others.filter(isActive).map((key) => becomesPassive(key, view)),
  ];
  return { stage: "overlap", changes, problems };
}

function signsOnceMore(key: RealmKey): PlannedChange[] {
  if (!key.signing) return [{ kind: "sign-again", key }];
  const isAdopted = rotationOf(key.componentName) === undefined;
  return isAdopted ? [{ kind: "adopt", key }] : [];
}

/** Whether nothing but retiring is left to do, and its time has come. */
function isOver({ overlapEnd, now, others }: RunView): boolean {
  if (others.some(isActive)) return false;
  return overlapEnd === undefined ? others.length === 0 : overlapEnd <= now;
}

function publishes({ algorithms, fresh, rotation }: RunView): PlannedChange[] {
  return algorithms.flatMap((algorithm): PlannedChange[] => {
    const key = fresh.find((candidate) => candidate.algorithm === algorithm);
    if (key?.signing) return [];
    if (key) return [{ kind: "activate", key }];
    return [{ kind: "publish", algorithm, rotation }];
  });
}

/** Where the new signer already signs, the overlap that began with its activation goes on. */
function becomesPassive(key: RealmKey, { overlapMs, overlapEnd, now, signs }: RunView): PlannedChange {
  const isRunning = signs && overlapEnd !== undefined && overlapEnd > now;
  const trustedForMs = isRunning ? Date.parse(overlapEnd) - Date.parse(now) : overlapMs;
  return { kind: "passivate", key, trustedForMs };
}

/** What is retired, and what is deleted with it. */
function retirement({ keys, others, keepRetired, overlapEnd }: RunView): PlannedChange[] {
  if (others.length === 0) return [];
  const after = keys.map((key) => (others.includes(key) ? { ...key, status: "DISABLED" as const } : key));
  const isRetiredNow = ({ kid }: RealmKey) => others.some((key) => key.kid === kid);
  const obsolete = obsoleteKeys(after, keepRetired).filter((key) => !isRetiredNow(key));
  return [
    ...others.map((key) => ({ kind: "retire" as const, key, overlapEnd })),
    ...obsolete.map((key) => ({ kind: "delete" as const, key, keepRetired })),
  ];
}
