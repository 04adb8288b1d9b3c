import { RotationError } from "./errors.ts";
import type { RealmKey } from "./realm-keys.ts";

export interface CutoverPlan {
  /** New keys to activate, with the priority that makes them the signers. Empty when they are already. */
  activate: { key: RealmKey; priority: number }[];
  /** Enabled signing keys to disable, unmanaged and fallback ones included. */
  disable: RealmKey[];
  /** Enabled signing keys left alone because their component name is exempt. */
  exempt: RealmKey[];
}

/**
 * Decides what an emergency cut-over changes. Pure: the same keys give the same plan, and carrying out a plan
 * leaves nothing for the next one, which is what makes a cut-over safe to repeat.
 *
 * @param keys every signing key of the realm
 * @param componentIds components of this rotation's signing keys
 * @param exemptKeys component names that stay as they are
 * @throws {RotationError} KEY_NOT_PUBLISHED when one of this rotation's keys is missing or disabled
 */
export function planCutover(
  keys: readonly RealmKey[],
  componentIds: readonly string[],
  exemptKeys: readonly string[],
): CutoverPlan {
  if (componentIds.length === 0) throw publishedNothing();
  const fresh = componentIds.map((id) => publishedKey(keys, id));
  const others = keys.filter((key) => !componentIds.includes(key.componentId));
  const highest = Math.max(0, ...others.map((key) => key.priority));
  if (highest >= Number.MAX_SAFE_INTEGER - 1) throw priorityExhausted(others);
  const enabled = others.filter((key) => key.status !== "DISABLED");
  const isExempt = (key: RealmKey) => exemptKeys.includes(key.componentName);
  return {
    activate: fresh
      .filter((key) => key.status !== "ACTIVE" || key.priority <= highest)
      .map((key) => ({ key, priority: highest + 1 })),
    disable: enabled.filter((key) => !isExempt(key)),
    exempt: enabled.filter(isExempt),
  };
}

function publishedKey(keys: readonly RealmKey[], componentId: string): RealmKey {
  const key = keys.find((candidate) => candidate.componentId === componentId);
  if (key && key.status !== "DISABLED") return key;
  throw new RotationError(
    "KEY_NOT_PUBLISHED",
    `the new signing key of component ${componentId} is ${key ? "disabled" : "not in the realm"}`,
    { nextStep: "bump rotation to make a new key; nothing was disabled" },
  );
}

function publishedNothing(): RotationError {
  return new RotationError("KEY_NOT_PUBLISHED", "there is no new signing key to cut over to", {
    nextStep: "list at least one algorithm; nothing was disabled",
  });
}

function priorityExhausted(keys: readonly RealmKey[]): RotationError {
  const { componentName } = keys.reduce((a, b) => (a.priority >= b.priority ? a : b));
  return new RotationError(
    "PRIORITY_EXHAUSTED",
    `key provider ${componentName} has the highest priority there is`,
    {
      nextStep: "lower its priority in Keycloak's console, then run the same up again",
    },
  );
}
