import type { ResourceKind } from "../builtin.ts";
import { type KeycloakAdmin, path } from "./admin-client.ts";

const mappings = (realmId: unknown, userId: unknown): string =>
  path(realmId, "users", userId, "role-mappings", "realm");

/** Gives a client's service account a role of the realm. Its id is `<user id>/<role id>`. */
export const serviceAccountRealmRole: ResourceKind<KeycloakAdmin> = {
  type: "keycloak:openid/clientServiceAccountRealmRole:ClientServiceAccountRealmRole",
  carried: ["realmId", "serviceAccountUserId", "role"],
  required: ["realmId", "serviceAccountUserId", "role"],
  replaceOn: [],
  computed: [],
  async create(keycloak, inputs) {
    const { realmId, serviceAccountUserId, role: name } = inputs;
    const role = await keycloak.get(path(realmId, "roles", name));
    await keycloak.post(mappings(realmId, serviceAccountUserId), [role]);
    return { id: `${serviceAccountUserId}/${role.id}`, outputs: inputs };
  },
  async read(keycloak, { outputs }) {
    const { realmId, serviceAccountUserId, role: name } = outputs;
    if ((await keycloak.find(path(realmId, "users", serviceAccountUserId))) === undefined) return undefined;
    const roles = await keycloak.list(mappings(realmId, serviceAccountUserId));
    return roles.some((role) => role.name === name) ? outputs : undefined;
  },
  async delete(keycloak, { outputs }) {
    const { realmId, serviceAccountUserId, role: name } = outputs;
    const role = await keycloak.find(path(realmId, "roles", name));
    if (role !== undefined) await keycloak.remove(mappings(realmId, serviceAccountUserId), [role]);
  },
};
