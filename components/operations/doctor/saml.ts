import { listNames } from "../base/list-names.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listClients, samlClientsOf } from "../keycloak/realm-clients.ts";
import { type Examined, findingOf } from "./finding.ts";

/** Names the SAML clients whose messages are signed with the realm's keys: a rotation concerns their partners, too. */
export async function examineSaml(admin: KeycloakAdmin): Promise<Examined> {
  const realm = admin.realmName;
  try {
    const names = samlClientsOf(await listClients(admin));
    const seen =
      names.length === 0 ? "no client signs with the realm's keys" : `${names.length} clients sign with them`;
    if (names.length === 0) return { check: "SAML", realm, seen, findings: [] };
    return {
      check: "SAML",
      realm,
      seen,
      findings: [
        {
          code: "SAML_CLIENTS",
          severity: "warning",
          realm,
          what: `Keycloak signs what it sends to these SAML clients with the realm's keys: ${listNames(names, 20)}`,
          emergency:
            "a partner that has pinned the old certificate refuses every login until it has the new one",
          next: "have those partners read the realm's SAML metadata themselves, or note whom to call; exemptKeys keeps a key for them alone",
        },
      ],
    };
  } catch (error) {
    const emergency = "partners that have pinned the realm's certificate would be surprised";
    const finding = findingOf(error, { realm, severity: "unknown", emergency });
    return { check: "SAML", realm, seen: "the clients could not be read", findings: [finding] };
  }
}
