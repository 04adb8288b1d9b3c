import type { RunContext } from "../base/run-context.ts";
import { type KeyMarks, markOf } from "./key-marks.ts";
import { describeKey, type RealmKey, rotationOf } from "./realm-keys.ts";

/** Which run a key is made for. */
export type KeyOrder = Pick<RunContext, "rotation"> &
  Partial<Pick<RunContext, "mode" | "incident" | "stack">>;

/** What a new key is marked with. */
export function marksOf({ mode, incident = "", stack = "" }: KeyOrder): KeyMarks {
  const forIncident = mode === "emergency" ? markOf(incident) : undefined;
  const byStack = markOf(stack);
  return {
    ...(forIncident === undefined ? {} : { incident: forIncident }),
    ...(byStack === undefined ? {} : { stack: byStack }),
  };
}

/**
 * Whether a key that bears the name of this rotation's key, and of which the state knows nothing, is the one to use. In an
 * emergency only a key that was made for the same incident is: any other may be the stolen one. Otherwise one that is in
 * use already must be this stack's own. Pure.
 */
export function isOwn(key: RealmKey, order: KeyOrder): boolean {
  const { mode = "planned", incident = "", stack = "" } = order;
  switch (mode) {
    case "emergency":
      return key.incident !== undefined && key.incident === markOf(incident);
    case "planned":
      return key.status === "PASSIVE" || key.stack === undefined || key.stack === markOf(stack);
    case "rollback":
      return true;
    default:
      return mode satisfies never;
  }
}

/** The keys of this rotation that are in use and were not made for this run. Pure. */
export function foreignKeys(keys: readonly RealmKey[], order: KeyOrder): RealmKey[] {
  return keys.filter(
    (key) =>
      key.status !== "DISABLED" && rotationOf(key.componentName) === order.rotation && !isOwn(key, order),
  );
}

/** Why a key is not used, as a sentence without a full stop. */
export function describeForeign(key: RealmKey, { mode, incident = "", stack = "" }: KeyOrder): string {
  const by = key.stack === undefined ? "" : ` by stack ${key.stack}`;
  const made = key.incident === undefined ? by : `${by} for ${key.incident}`;
  const own = mode === "emergency" ? `stack ${stack} for ${incident}` : `stack ${stack}`;
  const doubt = mode === "emergency" ? ", so it may be the stolen one" : "";
  return `${describeKey(key)} is in the realm already, made${made || " by somebody else"} and not by ${own}${doubt}`;
}
