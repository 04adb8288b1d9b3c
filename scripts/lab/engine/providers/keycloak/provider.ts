import type { PropertyMap } from "../../property-values.ts";
import { BuiltinProvider } from "../builtin.ts";
import type { Provider } from "../provider.ts";
import { KeycloakAdmin, keycloakConnection } from "./admin-client.ts";
import { audienceProtocolMapper } from "./audience-protocol-mapper.ts";
import { client } from "./client.ts";
import { realm } from "./realm.ts";
import { serviceAccountRealmRole } from "./service-account-realm-role.ts";

/**
 * `@pulumi/keycloak`, as far as this project uses it, over the Admin REST API. As in the real provider
 * `realmId` is the realm's name: it stands in URLs, and need not be the realm's internal id.
 */
export function keycloakProvider(config: PropertyMap): Provider {
  const kinds = [realm, client, serviceAccountRealmRole, audienceProtocolMapper];
  return new BuiltinProvider(kinds, async () => new KeycloakAdmin(keycloakConnection(config, process.env)));
}
