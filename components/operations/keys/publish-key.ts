import { RotationError } from "../base/errors.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { describeForeign, isOwn, type KeyOrder, marksOf } from "./own-key.ts";
import {
  type Algorithm,
  type Component,
  createKeyComponent,
  keyProviders,
  listKeyComponents,
  listSigningKeys,
  managedKeyName,
  type RealmKey,
  rotationOf,
} from "./realm-keys.ts";

export interface PublishedKey {
  componentId: string;
  name: string;
  kid: string;
  algorithm: Algorithm;
  /** SHA-256 of the DER certificate, hex; empty for key types to which Keycloak gives none (EC, EdDSA). */
  certificateThumbprint: string;
  /** When the key was seen to be published, ISO 8601 UTC. */
  publishedAt: string;
}

/**
 * Publishes a rotation's signing key for one algorithm: enabled, so that verifiers can fetch it, and not active,
 * so that it does not sign yet. A key that is there under the same name is used where it was made for this very run, as
 * by one that was killed; any other may be the stolen one.
 *
 * @param keySize RSA modulus bits; ignored for other key types. Default: 2048
 * @throws {RotationError} ROTATION_WENT_BACK, KEY_NAME_TAKEN, KEY_NOT_OURS, KEY_NOT_PUBLISHED, or any Keycloak code
 */
export async function publishKey(
  admin: KeycloakAdmin,
  order: KeyOrder,
  algorithm: Algorithm,
  keySize = 2048,
): Promise<PublishedKey> {
  const { rotation } = order;
  const name = managedKeyName(rotation, algorithm);
  const components = await listKeyComponents(admin);
  refuseGoingBack(admin, components, rotation);
  const known = components.find((component) => component.name === name)?.id;
  const id = known ?? (await makeKey(admin, order, algorithm, keySize));
  // Another run may have made one of the same name at the same time.
  const key = (await listSigningKeys(admin)).find(({ componentId }) => componentId === id);
  if (key?.status === "DISABLED") throw nameTaken(admin, name, components);
  if (!key || key.algorithm !== algorithm) throw notPublished(admin, name, key);
  if (known !== undefined && !isOwn(key, order)) throw notOurs(admin, key, order);
  return {
    componentId: key.componentId,
    name,
    kid: key.kid,
    algorithm,
    certificateThumbprint: key.certificateThumbprint ?? "",
    publishedAt: new Date().toISOString(),
  };
}

function makeKey(
  admin: KeycloakAdmin,
  order: KeyOrder,
  algorithm: Algorithm,
  keySize: number,
): Promise<string> {
  const { providerId, config } = keyProviders[algorithm];
  const size = providerId === "rsa-generated" ? { keySize: String(keySize) } : {};
  const name = managedKeyName(order.rotation, algorithm);
  return createKeyComponent(admin, {
    name,
    providerId,
    config: { ...config, ...size },
    marks: marksOf(order),
  });
}

/** The highest rotation with a key in the realm; 0 where there is none. */
export function highestRotation(components: readonly Pick<Component, "name">[]): number {
  return Math.max(0, ...components.map(({ name }) => rotationOf(name) ?? 0));
}

function refuseGoingBack(admin: KeycloakAdmin, components: readonly Component[], rotation: number): void {
  const highest = highestRotation(components);
  if (rotation >= highest) return;
  throw new RotationError(
    "ROTATION_WENT_BACK",
    `rotation ${rotation} is lower than ${highest}, which realm ${admin.realmName} has already had`,
    { nextStep: `set rotation to ${highest} to change nothing, or to ${highest + 1} to rotate` },
  );
}

function notOurs(admin: KeycloakAdmin, key: RealmKey, order: KeyOrder): RotationError {
  return new RotationError("KEY_NOT_OURS", `realm ${admin.realmName}: ${describeForeign(key, order)}`, {
    nextStep: `set rotation to ${order.rotation + 1}`,
  });
}

function nameTaken(admin: KeycloakAdmin, name: string, components: readonly Component[]): RotationError {
  return new RotationError("KEY_NAME_TAKEN", `key ${name} of realm ${admin.realmName} is already disabled`, {
    nextStep: `set rotation to ${highestRotation(components) + 1}; a disabled key is never enabled again`,
  });
}

function notPublished(admin: KeycloakAdmin, name: string, key: RealmKey | undefined): RotationError {
  const what = key ? `makes ${key.algorithm} keys` : "was created but has no signing key";
  return new RotationError("KEY_NOT_PUBLISHED", `key ${name} of realm ${admin.realmName} ${what}`, {
    nextStep: "delete that key provider in Keycloak's console, then run the same up again",
  });
}
