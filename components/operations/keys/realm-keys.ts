import { createHash, randomUUID } from "node:crypto";
import { z } from "zod";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { formatMarks, type KeyMarks, type MarkChanges, parseMarks } from "./key-marks.ts";

/** Signature algorithms that a signing key can be made for, and the Keycloak provider for each (RFC 7518, RFC 8037). */
export const keyProviders = {
  RS256: { providerId: "rsa-generated", config: { algorithm: "RS256" } },
  RS384: { providerId: "rsa-generated", config: { algorithm: "RS384" } },
  RS512: { providerId: "rsa-generated", config: { algorithm: "RS512" } },
  PS256: { providerId: "rsa-generated", config: { algorithm: "PS256" } },
  PS384: { providerId: "rsa-generated", config: { algorithm: "PS384" } },
  PS512: { providerId: "rsa-generated", config: { algorithm: "PS512" } },
  ES256: { providerId: "ecdsa-generated", config: { ecdsaEllipticCurveKey: "P-256" } },
  ES384: { providerId: "ecdsa-generated", config: { ecdsaEllipticCurveKey: "P-384" } },
  ES512: { providerId: "ecdsa-generated", config: { ecdsaEllipticCurveKey: "P-521" } },
  EdDSA: { providerId: "eddsa-generated", config: { eddsaEllipticCurveKey: "Ed25519" } },
} as const;

export type Algorithm = keyof typeof keyProviders;
export const algorithms = Object.keys(keyProviders) as Algorithm[];

/** A key of the realm, as it is in Keycloak now. */
export interface RealmKey extends KeyMarks {
  kid: string;
  algorithm: string;
  /** Keycloak's state: ACTIVE signs and verifies, PASSIVE verifies, DISABLED does neither. */
  status: "ACTIVE" | "PASSIVE" | "DISABLED";
  /** Whether it is the one that signs for its algorithm now. */
  signing: boolean;
  priority: number;
  componentId: string;
  componentName: string;
  /** Keycloak's provider type, e.g. `rsa-generated`. */
  providerId: string;
  /** SHA-256 of the DER certificate, hex; absent for keys without one. */
  certificateThumbprint?: string;
}

const component = z.looseObject({
  id: z.string(),
  name: z.string(),
  providerId: z.string(),
  parentId: z.string().optional(),
  subType: z.string().optional(),
  config: z.record(z.string(), z.array(z.string())),
});
export type Component = z.infer<typeof component>;

const keyMetadata = z.looseObject({
  active: z.record(z.string(), z.string()),
  keys: z.array(
    z.looseObject({
      kid: z.string().nullish(),
      algorithm: z.string().nullish(),
      status: z.string(),
      providerId: z.string(),
      providerPriority: z.number(),
      type: z.string().nullish(),
      use: z.string().nullish(),
      certificate: z.string().nullish(),
    }),
  ),
});

const realmShape = z.looseObject({ id: z.string(), defaultSignatureAlgorithm: z.string().nullish() });

/** The realm's internal id, which is its name only in realms that Terraform or Pulumi made, and its default algorithm. */
export async function readRealm(admin: KeycloakAdmin): Promise<{ id: string; defaultAlgorithm: string }> {
  const realm = await admin.get("", realmShape);
  return { id: realm.id, defaultAlgorithm: realm.defaultSignatureAlgorithm ?? "RS256" };
}

export interface WantedComponent {
  name: string;
  /** Keycloak's provider type, such as `rsa-generated`. */
  providerId: string;
  config: Readonly<Record<string, string>>;
  /** Default: none. */
  marks?: KeyMarks;
}

/**
 * Makes a key provider, and with it a key that is passive and below all others, so that it changes nothing before it is
 * activated. It belongs to the realm by default; a parent that is not the realm's internal id would leave it unused.
 *
 * @returns the component's id
 */
export async function createKeyComponent(
  admin: KeycloakAdmin,
  { name, providerId, config, marks = {} }: WantedComponent,
): Promise<string> {
  await admin.beforeKeyChange();
  const settings = { ...config, priority: "0", enabled: "true", active: "false" };
  // Keycloak takes an id that is given and allows it once (measured with 26.7): sent twice, it makes one key.
  const id = randomUUID();
  const subType = formatMarks(marks);
  const body = {
    id,
    ...(subType === "" ? {} : { subType }),
    name,
    providerId,
    providerType: keyProviderType,
    config: Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, [value]])),
  };
  const isDone = async () => (await admin.getIfThere(`/components/${id}`, component)) !== undefined;
  await admin.postOnce("/components", body, { isDone, slow: true });
  return id;
}

const keyProviderType = "org.keycloak.keys.KeyProvider";

/** The key provider components of the realm. */
export async function listKeyComponents(admin: KeycloakAdmin): Promise<Component[]> {
  const query = new URLSearchParams({ type: keyProviderType });
  return admin.get(`/components?${query}`, z.array(component));
}

/**
 * The realm's signing keys: asymmetric, for signatures, in any state. Encryption keys and the internal HMAC and
 * AES keys are left out, because no verifier ever sees them.
 */
export async function listSigningKeys(admin: KeycloakAdmin): Promise<RealmKey[]> {
  const [before, metadata] = await Promise.all([listKeyComponents(admin), admin.get("/keys", keyMetadata)]);
  const isOwned = ({ providerId }: { providerId: string }) => before.some(({ id }) => id === providerId);
  // A key that has just been made: without its component nobody could tell whose it is.
  const components = metadata.keys.every(isOwned) ? before : await listKeyComponents(admin);
  const owners = new Map(components.map((owner) => [owner.id, owner]));
  return metadata.keys.flatMap((key) => {
    if (key.use !== "SIG" || key.type === "OCT" || !key.kid || !key.algorithm) return [];
    const owner = owners.get(key.providerId);
    return [
      {
        kid: key.kid,
        algorithm: key.algorithm,
        status: z.enum(["ACTIVE", "PASSIVE", "DISABLED"]).parse(key.status),
        signing: metadata.active[key.algorithm] === key.kid,
        priority: key.providerPriority,
        componentId: key.providerId,
        componentName: owner?.name ?? "unknown",
        providerId: owner?.providerId ?? "unknown",
        ...(key.certificate ? { certificateThumbprint: thumbprint(key.certificate) } : {}),
        ...parseMarks(owner?.subType),
      },
    ];
  });
}

function thumbprint(certificateBase64: string): string {
  return createHash("sha256").update(Buffer.from(certificateBase64, "base64")).digest("hex");
}

const managedPrefix = "jwks-break-glass";
const managedName = new RegExp(`^${managedPrefix}-r(0|[1-9][0-9]*)-([A-Za-z0-9]+)$`);

/**
 * The stable component name of a rotation's signing key: how a crashed create is found again. Rotation 0 is that of a
 * key from before the first rotation that a rollback has made the signer again.
 */
export function managedKeyName(rotation: number, algorithm: string): string {
  return `${managedPrefix}-r${rotation}-${algorithm}`;
}

/** The rotation that a component name belongs to; undefined for unmanaged keys. */
export function rotationOf(componentName: string): number | undefined {
  const match = managedName.exec(componentName);
  return match ? Number(match[1]) : undefined;
}

/** Changes to a key component. */
export interface KeyChange {
  enabled?: boolean;
  active?: boolean;
  priority?: number;
  name?: string;
  marks?: MarkChanges;
}

/**
 * Changes a key component's switches in one request, and leaves the rest of it as it is.
 * @param mayChange asked with the marks that it has now, for what is to be given back whoever has the lease. Default: yes
 */
export async function updateKeyComponent(
  admin: KeycloakAdmin,
  componentId: string,
  { name, marks, ...switches }: KeyChange,
  mayChange?: (now: KeyMarks) => boolean,
): Promise<void> {
  // Before the read: what is written must not be older than it needs to be.
  if (!mayChange) await admin.beforeKeyChange();
  const current = await admin.get(`/components/${componentId}`, component);
  if (mayChange && !mayChange(parseMarks(current.subType))) return;
  const config = { ...current.config };
  for (const [key, value] of Object.entries(switches)) config[key] = [String(value)];
  await admin.put(`/components/${componentId}`, {
    ...current,
    ...(name === undefined ? {} : { name }),
    ...(marks ? { subType: formatMarks({ ...parseMarks(current.subType), ...marks }) } : {}),
    config,
  });
}

export async function deleteKeyComponent(admin: KeycloakAdmin, componentId: string): Promise<void> {
  await admin.beforeKeyChange();
  await admin.delete(`/components/${componentId}`);
}

/** Whether verifiers trust it. */
export function isTrusted({ status }: Pick<RealmKey, "status">): boolean {
  return status !== "DISABLED";
}

/** A key as one phrase, from which a person can find it in Keycloak's console. */
export function describeKey({
  kid,
  algorithm,
  componentName,
}: Pick<RealmKey, "kid" | "algorithm" | "componentName">): string {
  return `kid ${kid} (${algorithm}, ${componentName})`;
}
