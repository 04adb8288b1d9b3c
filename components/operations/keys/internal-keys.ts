import { RotationError } from "../base/errors.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { claimInternalKey, type InternalKey, listInternalKeys } from "./internal-key-components.ts";
import { type InternalKeyKind, kinds } from "./internal-key-kinds.ts";
import { managedKeyName, updateKeyComponent } from "./realm-keys.ts";

export { costOf, type InternalKeyKind, internalKeyKinds } from "./internal-key-kinds.ts";

/** A new key that has replaced those of its kind and algorithm. */
export interface InternalKeyResult {
  kind: InternalKeyKind;
  componentName: string;
  kid: string;
  /** When the new key was seen to be the active one, ISO 8601 UTC. */
  activatedAt: string;
  /** The keys that this run disabled, without those that a killed run had disabled before. */
  disabled: { kid: string; componentName: string; disabledAt: string }[];
}

/** A new key: there is one for each algorithm of the kind for which the realm has a key. */
interface Successor {
  kind: InternalKeyKind;
  algorithm: string;
  componentName: string;
  componentId: string;
}

/**
 * Makes new keys of each kind and then disables every other one of it, unmanaged ones too. A new key is active at the
 * strictly highest priority before any other of its algorithm is disabled, so Keycloak never creates a fallback. Safe to
 * repeat after a crash.
 *
 * A kind may have keys of several algorithms, and each gets a successor of its own: realms that an older Keycloak has made have an
 * HS256 key beside HS512, and Keycloak takes refresh tokens that are signed with it (measured with 26.7).
 *
 * @returns a result for each key made
 * @throws {RotationError} KEY_NAME_TAKEN where one of that rotation's keys was disabled, before any is made the active one;
 *   KEY_NOT_PUBLISHED, KEY_NOT_ACTIVE, PRIORITY_EXHAUSTED, CUTOVER_UNSETTLED, or any Keycloak code
 */
export async function rotateInternalKeys(
  admin: KeycloakAdmin,
  request: { rotation: number; kinds: readonly InternalKeyKind[] },
  progress: (line: string) => void,
): Promise<InternalKeyResult[]> {
  const successors: Successor[] = [];
  for (const kind of request.kinds) successors.push(...(await makeSuccessors(admin, request.rotation, kind)));
  const results: InternalKeyResult[] = [];
  for (const successor of successors) {
    const kid = await activate(admin, successor, progress);
    const activatedAt = new Date().toISOString();
    const disabled = await disableOthers(admin, successor, progress);
    const { kind, componentName } = successor;
    results.push({ kind, componentName, kid, activatedAt, disabled });
  }
  return results;
}

function isOfKind({ type, use }: InternalKey, kind: InternalKeyKind): boolean {
  return type === kinds[kind].type && use === kinds[kind].use;
}

async function makeSuccessors(
  admin: KeycloakAdmin,
  rotation: number,
  kind: InternalKeyKind,
): Promise<Successor[]> {
  const keys = (await listInternalKeys(admin)).filter((key) => isOfKind(key, kind));
  const enabled = keys.filter(({ status }) => status !== "DISABLED");
  const { algorithm: usual, providerId, takesAlgorithm } = kinds[kind];
  const successors: Successor[] = [];
  for (const algorithm of new Set([usual, ...enabled.map((key) => key.algorithm)])) {
    const name = managedKeyName(rotation, algorithm);
    // As large as its predecessor: a realm that asks for more than the default must not get less.
    const { size = {} } = enabled.find((key) => key.algorithm === algorithm && key.isActive) ?? {};
    const config = { ...size, ...(takesAlgorithm ? { algorithm } : {}) };
    const componentId = await claimInternalKey(admin, { name, providerId, config });
    successors.push({ kind, algorithm, componentName: name, componentId });
  }
  return successors;
}

/** Gives the kid of the successor, once it is seen to be the active key. */
async function activate(
  admin: KeycloakAdmin,
  successor: Successor,
  progress: (line: string) => void,
): Promise<string> {
  const { algorithm, componentId, componentName } = successor;
  const list = async () => (await listInternalKeys(admin)).filter((key) => key.algorithm === algorithm);
  const before = await list();
  const others = before.filter((key) => key.componentId !== componentId);
  const highest = Math.max(0, ...others.map(({ priority }) => priority));
  const mine = before.find((key) => key.componentId === componentId);
  if (mine?.status !== "ACTIVE" || mine.priority <= highest) {
    if (highest >= Number.MAX_SAFE_INTEGER - 1) throw priorityExhausted(algorithm);
    await updateKeyComponent(admin, componentId, { active: true, priority: highest + 1 });
  }
  const active = (await list()).find(({ isActive }) => isActive);
  if (active?.componentId !== componentId) throw notActive(successor);
  progress(`${active.kid} (${algorithm}, ${componentName}) is active`);
  return active.kid;
}

/** Somebody may add a key between two reads, so the keys are read until nothing is left to disable. */
const maxRounds = 5;

async function disableOthers(
  admin: KeycloakAdmin,
  { algorithm, componentId, kind }: Successor,
  progress: (line: string) => void,
): Promise<InternalKeyResult["disabled"]> {
  const disabled: InternalKeyResult["disabled"] = [];
  for (let round = 0; ; round += 1) {
    const others = (await listInternalKeys(admin))
      .filter((key) => isOfKind(key, kind) && key.algorithm === algorithm)
      .filter((key) => key.status !== "DISABLED" && key.componentId !== componentId);
    if (others.length === 0) return disabled;
    if (round === maxRounds) throw unsettled(algorithm);
    for (const other of others) {
      await updateKeyComponent(admin, other.componentId, { enabled: false, active: false });
      const { kid, componentName } = other;
      disabled.push({ kid, componentName, disabledAt: new Date().toISOString() });
      progress(`${kid} (${algorithm}, ${componentName}) is disabled`);
    }
  }
}

function priorityExhausted(algorithm: string): RotationError {
  return new RotationError(
    "PRIORITY_EXHAUSTED",
    `a key provider of ${algorithm} has the highest possible priority`,
    { nextStep: "lower its priority in Keycloak's console, then run the same up again" },
  );
}

function notActive({ componentName, algorithm }: Successor): RotationError {
  return new RotationError("KEY_NOT_ACTIVE", `the new internal key ${componentName} is not the active one`, {
    nextStep: `find out who else is changing the realm's keys, then run the same up again; no ${algorithm} key was disabled`,
  });
}

function unsettled(algorithm: string): RotationError {
  return new RotationError(
    "CUTOVER_UNSETTLED",
    `new ${algorithm} keys keep appearing in the realm while old ones are disabled`,
    { nextStep: "find out who else is changing the realm's keys, then run the same up again" },
  );
}
