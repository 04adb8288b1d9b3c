import { z } from "zod";
import { RotationError } from "../base/errors.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { type Component, createKeyComponent, listKeyComponents, type WantedComponent } from "./realm-keys.ts";

/** A key that Keycloak uses for itself, as it is now. */
export interface InternalKey {
  kid: string;
  algorithm: string;
  /** Keycloak's key type: OCT for HMAC and AES, RSA. */
  type: string;
  use: string;
  status: string;
  priority: number;
  /** Whether it is the one that Keycloak uses for its algorithm now. */
  isActive: boolean;
  componentId: string;
  componentName: string;
  /** `secretSize` (bytes) or `keySize` (bits), where its component sets one. */
  size: Record<string, string>;
}

const metadata = z.looseObject({
  active: z.record(z.string(), z.string()),
  keys: z.array(
    z.looseObject({
      kid: z.string().nullish(),
      algorithm: z.string().nullish(),
      type: z.string().nullish(),
      use: z.string().nullish(),
      status: z.string(),
      providerId: z.string(),
      providerPriority: z.number(),
    }),
  ),
});

/** The keys of the realm that no verifier sees: HMAC, AES and encryption keys, in any state. */
export async function listInternalKeys(admin: KeycloakAdmin): Promise<InternalKey[]> {
  const [components, { keys, active }] = await Promise.all([
    listKeyComponents(admin),
    admin.get("/keys", metadata),
  ]);
  const owners = new Map(components.map((owner) => [owner.id, owner]));
  return keys.flatMap(({ kid, algorithm, type, use, status, providerId, providerPriority }) => {
    if (!kid || !algorithm || (type !== "OCT" && use !== "ENC")) return [];
    const owner = owners.get(providerId);
    return [
      {
        kid,
        algorithm,
        type: type ?? "",
        use: use ?? "",
        status,
        priority: providerPriority,
        isActive: active[algorithm] === kid,
        componentId: providerId,
        componentName: owner?.name ?? "unknown",
        size: sizeOf(owner),
      },
    ];
  });
}

function sizeOf(owner: Component | undefined): Record<string, string> {
  return Object.fromEntries(
    ["secretSize", "keySize"].flatMap((key) => {
      const value = owner?.config[key]?.[0];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/**
 * The component of an internal key; creates it where there is none, passive at first, so that it changes nothing until it
 * has its priority.
 *
 * @throws {RotationError} KEY_NAME_TAKEN where it was disabled, or is something else; any Keycloak code
 */
export async function claimInternalKey(admin: KeycloakAdmin, wanted: WantedComponent): Promise<string> {
  const { name, providerId } = wanted;
  const find = async () => (await listKeyComponents(admin)).find((component) => component.name === name);
  const found = await find();
  if (found && (found.providerId !== providerId || found.config.enabled?.[0] === "false")) {
    throw nameTaken(admin, found);
  }
  if (found) return found.id;
  await createKeyComponent(admin, wanted);
  const made = await find();
  if (made) return made.id;
  throw new RotationError(
    "KEY_NOT_PUBLISHED",
    `Keycloak accepted key provider ${name} but does not list it in realm ${admin.realmName}`,
    { nextStep: "check Keycloak's log, then run the same up again; nothing was disabled" },
  );
}

function nameTaken(admin: KeycloakAdmin, { name, providerId, config }: Component): RotationError {
  const what =
    config.enabled?.[0] === "false" ? "has been disabled" : `already exists with provider ${providerId}`;
  return new RotationError("KEY_NAME_TAKEN", `internal key ${name} of realm ${admin.realmName} ${what}`, {
    nextStep: "bump rotation, which makes new ones; a disabled key is never enabled again",
  });
}
