import type { PropertyMap } from "../../property-values.ts";
import type { ResourceKind } from "../builtin.ts";
import type { CheckFailure } from "../provider.ts";
import { type KeycloakAdmin, path, type Representation } from "./admin-client.ts";

const FLAGS: Record<string, string> = {
  addToIdToken: "id.token.claim",
  addToAccessToken: "access.token.claim",
  addToTokenIntrospection: "introspection.token.claim",
};
const AUDIENCES: Record<string, string> = {
  includedClientAudience: "included.client.audience",
  includedCustomAudience: "included.custom.audience",
};

function modelsPath({ realmId, clientId, clientScopeId }: PropertyMap, ...rest: unknown[]): string {
  const owner = clientId === undefined ? ["client-scopes", clientScopeId] : ["clients", clientId];
  return path(realmId, ...owner, "protocol-mappers", "models", ...rest);
}

function toRepresentation(inputs: PropertyMap): Representation {
  const flags = Object.entries(FLAGS).map(([key, name]) => [name, String(inputs[key] ?? true)]);
  const audiences = Object.entries(AUDIENCES).map(([key, name]) => [name, inputs[key] ?? ""]);
  return {
    name: inputs.name,
    protocol: "openid-connect",
    protocolMapper: "oidc-audience-mapper",
    config: Object.fromEntries([...flags, ...audiences]),
  };
}

function validate(inputs: PropertyMap): CheckFailure[] {
  const bothOrNone = (a: string, b: string): boolean =>
    (inputs[a] === undefined) === (inputs[b] === undefined);
  const problems: CheckFailure[] = [];
  if (bothOrNone("clientId", "clientScopeId")) {
    problems.push({
      property: "clientId",
      reason: "exactly one of clientId and clientScopeId must be given",
    });
  }
  if (bothOrNone("includedClientAudience", "includedCustomAudience")) {
    problems.push({
      property: "includedCustomAudience",
      reason: "one of includedClientAudience and includedCustomAudience must be given, not both",
    });
  }
  return problems;
}

async function outputsOf(
  keycloak: KeycloakAdmin,
  id: string,
  owner: PropertyMap,
): Promise<Representation | undefined> {
  const mapper = await keycloak.find(modelsPath(owner, id));
  if (mapper === undefined) return undefined;
  const config = (mapper.config ?? {}) as Representation;
  const { realmId, clientId, clientScopeId } = owner;
  return {
    realmId,
    clientId,
    clientScopeId,
    name: mapper.name,
    ...Object.fromEntries(Object.entries(FLAGS).map(([key, name]) => [key, config[name] === "true"])),
    ...Object.fromEntries(Object.entries(AUDIENCES).map(([key, name]) => [key, config[name] || undefined])),
  };
}

/** Puts an audience into a client's tokens. `clientId` is the client's internal id. */
export const audienceProtocolMapper: ResourceKind<KeycloakAdmin> = {
  type: "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper",
  carried: ["realmId", "clientId", "clientScopeId", "name", ...Object.keys(FLAGS), ...Object.keys(AUDIENCES)],
  required: ["realmId"],
  replaceOn: ["realmId", "clientId", "clientScopeId"],
  autoName: "name",
  defaults: { addToIdToken: true, addToAccessToken: true, addToTokenIntrospection: true },
  computed: [],
  validate,
  async create(keycloak, inputs) {
    const id = await keycloak.post(modelsPath(inputs), toRepresentation(inputs));
    return { id, outputs: inputs };
  },
  async read(keycloak, { id, outputs }) {
    return outputsOf(keycloak, id, outputs);
  },
  async update(keycloak, { id, outputs }, inputs) {
    await keycloak.put(modelsPath(outputs, id), { id, ...toRepresentation(inputs) });
    return inputs;
  },
  async delete(keycloak, { id, outputs }) {
    await keycloak.remove(modelsPath(outputs, id));
  },
};
