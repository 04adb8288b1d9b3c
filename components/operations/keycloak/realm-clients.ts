import { z } from "zod";
import type { KeycloakAdmin } from "./keycloak-admin.ts";

const clientShape = z.looseObject({
  clientId: z.string(),
  enabled: z.boolean().nullish(),
  protocol: z.string().nullish(),
  implicitFlowEnabled: z.boolean().nullish(),
  attributes: z.record(z.string(), z.string().nullable()).nullish(),
});

/** As much of a client as a rotation has to know. */
export type RealmClient = z.infer<typeof clientShape>;

const pageSize = 200;

/** Every client of the realm, read page by page. */
export async function listClients(admin: KeycloakAdmin): Promise<RealmClient[]> {
  const clients: RealmClient[] = [];
  for (;;) {
    const page = await admin.get(`/clients?first=${clients.length}&max=${pageSize}`, z.array(clientShape));
    clients.push(...page);
    if (page.length < pageSize) return clients;
  }
}

/** Attributes of a SAML client with which Keycloak signs what it sends to it, with the realm's RSA key. */
const samlSignatures = ["saml.server.signature", "saml.assertion.signature"];

/** The enabled SAML clients whose messages are signed with the realm's keys, by their `clientId`. Pure. */
export function samlClientsOf(clients: readonly RealmClient[]): string[] {
  return clients
    .filter(({ protocol, enabled }) => protocol === "saml" && enabled !== false)
    .filter(({ attributes }) => samlSignatures.some((name) => attributes?.[name] === "true"))
    .map(({ clientId }) => clientId);
}
