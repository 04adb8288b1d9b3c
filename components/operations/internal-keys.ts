import { z } from "zod";
import { RotationError } from "./errors.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";
import {
  type Component,
  listKeyComponents,
  managedKeyName,
  readRealm,
  updateKeyComponent,
} from "./realm-keys.ts";

/** Keys of a realm that no verifier ever sees. */
export const internalKeyKinds = ["hmac", "aes", "rsa-oaep"] as const;
export type InternalKeyKind = (typeof internalKeyKinds)[number];

interface Kind {
  /** As Keycloak lists the key. */
  algorithm: "HS512" | "AES" | "RSA-OAEP";
  providerId: string;
  config: Record<string, string>;
  cost: string;
}

/** Each kind's provider, and what its rotation costs the users. */
const kinds: Record<InternalKeyKind, Kind> = {
  hmac: {
    algorithm: "HS512",
    providerId: "hmac-generated",
    config: { algorithm: "HS512" },
    cost: "refresh tokens, offline tokens, login cookies and links in mails of Keycloak are refused: everyone logs in again",
  },
  aes: {
    algorithm: "AES",
    providerId: "aes-generated",
    config: {},
    cost: "logins that are under way start over",
  },
  "rsa-oaep": {
    algorithm: "RSA-OAEP",
    providerId: "rsa-enc-generated",
    config: { algorithm: "RSA-OAEP" },
    cost: "clients that encrypt request objects for Keycloak must fetch its keys anew",
  },
};

export interface InternalKeyResult {
  kind: InternalKeyKind;
  componentName: string;
  kid: string;
  /** When the new key was seen to be the active one, ISO 8601 UTC. */
  activatedAt: string;
  disabled: { kid: string; componentName: string; disabledAt: string }[];
}

/** What the rotation of a kind costs the users, for a preview. */
export function costOf(kind: InternalKeyKind): string {
  return `rotate the realm's internal ${kinds[kind].algorithm} key: ${kinds[kind].cost}`;
}

/**
 * Makes a new key of each kind and then disables every other one of it. The new one is active at the strictly highest
 * priority before any other is disabled, so Keycloak never makes a fallback. Safe to repeat after a crash.
 *
 * @throws {RotationError} KEY_NAME_TAKEN where that rotation's key was disabled, KEY_NOT_ACTIVE, or any Keycloak code
 */
export async function rotateInternalKeys(
  admin: KeycloakAdmin,
  request: { rotation: number; kinds: readonly InternalKeyKind[] },
  progress: (line: string) => void,
): Promise<InternalKeyResult[]> {
  const results: InternalKeyResult[] = [];
  for (const kind of request.kinds) results.push(await rotateKind(admin, request.rotation, kind, progress));
  return results;
}

async function rotateKind(
  admin: KeycloakAdmin,
  rotation: number,
  kind: InternalKeyKind,
  progress: (line: string) => void,
): Promise<InternalKeyResult> {
  const { algorithm } = kinds[kind];
  const componentName = managedKeyName(rotation, algorithm);
  const own = await makeKey(admin, componentName, kind);
  const before = await listKeys(admin, algorithm);
  const others = before.filter(({ componentId }) => componentId !== own.id);
  const highest = Math.max(0, ...others.map(({ priority }) => priority));
  const mine = before.find(({ componentId }) => componentId === own.id);
  if (mine?.status !== "ACTIVE" || mine.priority <= highest) {
    await updateKeyComponent(admin, own.id, { active: true, priority: highest + 1 });
  }
  const signer = (await listKeys(admin, algorithm)).find(({ isSigning }) => isSigning);
  if (signer?.componentId !== own.id) throw notActive(componentName);
  progress(`${componentName} is active`);
  const activatedAt = new Date().toISOString();
  const disabled: InternalKeyResult["disabled"] = [];
  for (const { kid, componentId, componentName: name } of others.filter(
    ({ status }) => status !== "DISABLED",
  )) {
    await updateKeyComponent(admin, componentId, { enabled: false, active: false });
    disabled.push({ kid, componentName: name, disabledAt: new Date().toISOString() });
    progress(`${kid} (${algorithm}, ${name}) is disabled`);
  }
  return { kind, componentName, kid: signer.kid, activatedAt, disabled };
}

/** Passive at first: until it has its priority, it must not be in anybody's way. */
async function makeKey(admin: KeycloakAdmin, name: string, kind: InternalKeyKind): Promise<Component> {
  const find = async () => (await listKeyComponents(admin)).find((component) => component.name === name);
  const found = await find();
  if (found?.config.enabled?.[0] === "false") throw nameTaken(name);
  if (found) return found;
  const { providerId, config } = kinds[kind];
  const settings = { ...config, priority: "0", enabled: "true", active: "false" };
  await admin.post("/components", {
    name,
    providerId,
    providerType: "org.keycloak.keys.KeyProvider",
    parentId: (await readRealm(admin)).id,
    config: Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, [value]])),
  });
  const made = await find();
  if (!made) throw notActive(name);
  return made;
}

interface InternalKey {
  kid: string;
  status: string;
  priority: number;
  isSigning: boolean;
  componentId: string;
  componentName: string;
}

const metadata = z.looseObject({
  active: z.record(z.string(), z.string()),
  keys: z.array(
    z.looseObject({
      kid: z.string().nullish(),
      algorithm: z.string().nullish(),
      status: z.string(),
      providerId: z.string(),
      providerPriority: z.number(),
    }),
  ),
});

async function listKeys(admin: KeycloakAdmin, algorithm: string): Promise<InternalKey[]> {
  const [components, { keys, active }] = [await listKeyComponents(admin), await admin.get("/keys", metadata)];
  return keys
    .filter((key) => key.algorithm === algorithm)
    .map(({ kid, status, providerId, providerPriority }) => ({
      kid: kid ?? "",
      status,
      priority: providerPriority,
      isSigning: active[algorithm] === kid,
      componentId: providerId,
      componentName: components.find(({ id }) => id === providerId)?.name ?? "unknown",
    }));
}

function nameTaken(name: string): RotationError {
  return new RotationError("KEY_NAME_TAKEN", `internal key ${name} was disabled by somebody`, {
    nextStep: "bump rotation; a disabled key is never enabled again",
  });
}

function notActive(name: string): RotationError {
  return new RotationError("KEY_NOT_ACTIVE", `the new internal key ${name} is not the active one`, {
    nextStep:
      "look for someone else changing the realm's keys, then run the same up again; nothing was disabled",
  });
}
