import { z } from "zod";
import type { KeycloakAdmin } from "./keycloak-admin.ts";

const clientShape = z.looseObject({
  clientId: z.string(),
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
