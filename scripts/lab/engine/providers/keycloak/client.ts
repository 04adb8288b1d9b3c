import { isObject, type PropertyMap } from "../../property-values.ts";
import type { ResourceKind } from "../builtin.ts";
import type { CheckFailure } from "../provider.ts";
import { type KeycloakAdmin, path, type Representation } from "./admin-client.ts";

const FLAGS = [
  "enabled",
  "standardFlowEnabled",
  "implicitFlowEnabled",
  "directAccessGrantsEnabled",
  "serviceAccountsEnabled",
  "fullScopeAllowed",
  "consentRequired",
];
const TEXTS = [
  "clientId",
  "name",
  "description",
  "clientAuthenticatorType",
  "rootUrl",
  "baseUrl",
  "adminUrl",
];
/** Inputs that Keycloak keeps among a client's attributes, always as strings. */
const ATTRIBUTES: Record<string, string> = {
  accessTokenLifespan: "access.token.lifespan",
  useRefreshTokens: "use.refresh.tokens",
  useRefreshTokensClientCredentials: "client_credentials.use_refresh_token",
  clientSessionIdleTimeout: "client.session.idle.timeout",
  clientSessionMaxLifespan: "client.session.max.lifespan",
};
const BOOLEAN_ATTRIBUTES = new Set(["useRefreshTokens", "useRefreshTokensClientCredentials"]);
const ACCESS_TYPES = ["CONFIDENTIAL", "PUBLIC", "BEARER-ONLY"];

function validate(inputs: PropertyMap): CheckFailure[] {
  const problems: CheckFailure[] = [];
  const { accessType } = inputs;
  if (typeof accessType === "string" && !ACCESS_TYPES.includes(accessType)) {
    problems.push({
      property: "accessType",
      reason: `expected one of ${ACCESS_TYPES.join(", ")}, got ${accessType}`,
    });
  }
  if (accessType === "PUBLIC" && inputs.serviceAccountsEnabled === true) {
    problems.push({
      property: "serviceAccountsEnabled",
      reason: "service accounts (client credentials flow) cannot be enabled on public clients",
    });
  }
  const browserFlow = inputs.standardFlowEnabled === true || inputs.implicitFlowEnabled === true;
  if (browserFlow && inputs.validRedirectUris === undefined) {
    problems.push({
      property: "validRedirectUris",
      reason: "standard (authorization code) and implicit flows require at least one valid redirect uri",
    });
  }
  return problems;
}

function extraConfigOf(inputs: PropertyMap): PropertyMap {
  const { extraConfig } = inputs;
  return extraConfig !== undefined && isObject(extraConfig) ? extraConfig : {};
}

function toRepresentation(inputs: PropertyMap, old: PropertyMap = {}): Representation {
  const flags = FLAGS.map((key) => [key, inputs[key] ?? false]);
  const texts = TEXTS.map((key) => [
    key,
    inputs[key] ?? (key === "clientAuthenticatorType" ? "client-secret" : ""),
  ]);
  const attributes = Object.entries(ATTRIBUTES).map(([key, name]) => [name, String(inputs[key] ?? "")]);
  // An attribute that the program no longer sets is emptied: Keycloak keeps attributes that a request leaves out.
  const dropped = Object.keys(extraConfigOf(old)).map((key) => [key, ""]);
  return {
    ...Object.fromEntries([...flags, ...texts]),
    protocol: "openid-connect",
    publicClient: inputs.accessType === "PUBLIC",
    bearerOnly: inputs.accessType === "BEARER-ONLY",
    redirectUris: inputs.validRedirectUris ?? [],
    webOrigins: inputs.webOrigins ?? [],
    attributes: { ...Object.fromEntries([...attributes, ...dropped]), ...extraConfigOf(inputs) },
    ...(inputs.clientSecret !== undefined && { secret: inputs.clientSecret }),
  };
}

function attributeOutput(key: string, text: unknown): unknown {
  if (BOOLEAN_ATTRIBUTES.has(key)) return text === "true";
  return text ?? "";
}

function accessTypeOf(client: Representation): string {
  if (client.publicClient === true) return "PUBLIC";
  return client.bearerOnly === true ? "BEARER-ONLY" : "CONFIDENTIAL";
}

/** The state of a client, with its secret and its service account's user. Undefined: the client is gone. */
async function outputsOf(
  keycloak: KeycloakAdmin,
  realmId: string,
  id: string,
  inputs: PropertyMap,
): Promise<Representation | undefined> {
  const client = await keycloak.find(path(realmId, "clients", id));
  if (client === undefined) return undefined;
  const { value: clientSecret = "" } = await keycloak.get(path(realmId, "clients", id, "client-secret"));
  const hasAccount = client.serviceAccountsEnabled === true;
  const account = hasAccount ? await keycloak.get(path(realmId, "clients", id, "service-account-user")) : {};
  const attributes = (client.attributes ?? {}) as Representation;
  const named = Object.entries(ATTRIBUTES).map(([key, name]) => [
    key,
    attributeOutput(key, attributes[name]),
  ]);
  const extra = Object.keys(extraConfigOf(inputs)).map((key) => [key, attributes[key] ?? ""]);
  return {
    ...Object.fromEntries([...FLAGS, ...TEXTS].map((key) => [key, client[key]])),
    ...Object.fromEntries(named),
    realmId,
    accessType: accessTypeOf(client),
    validRedirectUris: client.redirectUris,
    webOrigins: client.webOrigins,
    clientSecret,
    serviceAccountUserId: account.id ?? "",
    resourceServerId: client.authorizationServicesEnabled === true ? id : "",
    extraConfig: Object.fromEntries(extra),
  };
}

export const client: ResourceKind<KeycloakAdmin> = {
  type: "keycloak:openid/client:Client",
  carried: [
    ...FLAGS,
    ...TEXTS,
    ...Object.keys(ATTRIBUTES),
    "realmId",
    "accessType",
    "validRedirectUris",
    "webOrigins",
    "clientSecret",
    "extraConfig",
  ],
  required: ["realmId", "accessType"],
  replaceOn: ["realmId"],
  autoName: "clientId",
  defaults: {
    enabled: true,
    fullScopeAllowed: true,
    useRefreshTokens: true,
    useRefreshTokensClientCredentials: false,
  },
  computed: ["clientSecret", "serviceAccountUserId", "resourceServerId"],
  validate,
  async create(keycloak, inputs) {
    const realmId = String(inputs.realmId);
    const id = await keycloak.post(path(realmId, "clients"), toRepresentation(inputs));
    return { id, outputs: { ...inputs, ...(await outputsOf(keycloak, realmId, id, inputs)) } };
  },
  async read(keycloak, { id, inputs, outputs }) {
    return outputsOf(keycloak, String(outputs.realmId), id, inputs);
  },
  async update(keycloak, { id, inputs: old, outputs }, inputs) {
    const realmId = String(outputs.realmId);
    await keycloak.put(path(realmId, "clients", id), { id, ...toRepresentation(inputs, old) });
    return { ...inputs, ...(await outputsOf(keycloak, realmId, id, inputs)) };
  },
  async delete(keycloak, { id, outputs }) {
    await keycloak.remove(path(outputs.realmId, "clients", id));
  },
};
