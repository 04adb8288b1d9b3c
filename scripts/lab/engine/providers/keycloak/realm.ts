import type { PropertyMap, PropertyValue } from "../../property-values.ts";
import type { ResourceKind } from "../builtin.ts";
import type { CheckFailure } from "../provider.ts";
import { type KeycloakAdmin, path, type Representation } from "./admin-client.ts";

/** Inputs that Keycloak knows by the same name. */
const SAME_NAME = [
  "realm",
  "enabled",
  "displayName",
  "displayNameHtml",
  "userManagedAccess",
  "registrationAllowed",
  "rememberMe",
  "sslRequired",
  "defaultSignatureAlgorithm",
  "revokeRefreshToken",
  "loginTheme",
];
/** Inputs in Go's duration format, such as `10h` or `5m0s`; seconds in Keycloak. */
const DURATIONS = [
  "accessTokenLifespan",
  "ssoSessionIdleTimeout",
  "ssoSessionMaxLifespan",
  "offlineSessionIdleTimeout",
  "accessCodeLifespan",
];
const UNITS: Record<string, number> = { h: 3600, m: 60, s: 1 };

function toSeconds(value: PropertyValue): number | undefined {
  const text = String(value);
  if (!/^(\d+[hms])+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([hms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? 0),
    0,
  );
}

/** As Go prints a duration. */
function toDuration(seconds: number): string {
  const parts = { h: Math.floor(seconds / 3600), m: Math.floor((seconds % 3600) / 60), s: seconds % 60 };
  if (parts.h > 0) return `${parts.h}h${parts.m}m${parts.s}s`;
  return parts.m > 0 ? `${parts.m}m${parts.s}s` : `${parts.s}s`;
}

function toRepresentation(inputs: PropertyMap): Representation {
  const given = SAME_NAME.filter((key) => inputs[key] !== undefined).map((key) => [key, inputs[key]]);
  const durations = DURATIONS.filter((key) => inputs[key] !== undefined).map((key) => [
    key,
    toSeconds(inputs[key] ?? null),
  ]);
  const attributes = inputs.attributes === undefined ? {} : { attributes: inputs.attributes };
  return { ...Object.fromEntries([...given, ...durations]), ...attributes };
}

async function outputsOf(
  keycloak: KeycloakAdmin,
  name: string,
  inputs: PropertyMap,
): Promise<Representation | undefined> {
  const realm = await keycloak.find(path(name));
  if (realm === undefined) return undefined;
  const same = SAME_NAME.map((key) => [key, realm[key]]);
  const durations = DURATIONS.map((key) => [key, sameDuration(inputs[key], Number(realm[key]))]);
  const attributes = Object.keys((inputs.attributes ?? {}) as object).map((key) => [
    key,
    (realm.attributes as Representation)[key],
  ]);
  return {
    ...Object.fromEntries([...same, ...durations]),
    internalId: realm.id,
    attributes: Object.fromEntries(attributes),
  };
}

// `1h` and `1h0m0s` are the same; the spelling of the program is kept.
function sameDuration(given: PropertyValue | undefined, seconds: number): PropertyValue {
  return given !== undefined && toSeconds(given) === seconds ? given : toDuration(seconds);
}

function validate(inputs: PropertyMap): CheckFailure[] {
  return DURATIONS.filter(
    (key) => inputs[key] !== undefined && toSeconds(inputs[key] ?? null) === undefined,
  ).map((property) => ({
    property,
    reason: "must be a duration such as 10h or 5m30s",
  }));
}

export const realm: ResourceKind<KeycloakAdmin> = {
  type: "keycloak:index/realm:Realm",
  carried: [...SAME_NAME, ...DURATIONS, "attributes"],
  required: ["realm"],
  replaceOn: ["realm"],
  defaults: { enabled: true },
  computed: ["internalId", ...DURATIONS, "sslRequired"],
  validate,
  async create(keycloak, inputs) {
    const name = String(inputs.realm);
    // The real provider makes realms whose internal id is their name; realms made otherwise differ.
    await keycloak.post("", { id: name, ...toRepresentation(inputs) });
    return { id: name, outputs: { ...inputs, ...(await outputsOf(keycloak, name, inputs)) } };
  },
  async read(keycloak, { id, inputs }) {
    return outputsOf(keycloak, id, inputs);
  },
  async update(keycloak, { id }, inputs) {
    await keycloak.put(path(id), toRepresentation(inputs));
    return { ...inputs, ...(await outputsOf(keycloak, id, inputs)) };
  },
  async delete(keycloak, { id }) {
    await keycloak.remove(path(id));
  },
};
