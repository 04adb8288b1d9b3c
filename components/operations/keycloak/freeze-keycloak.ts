import { z } from "zod";
import type { KeycloakConnection } from "./connection.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";

/** The clients through which a realm's own administrators work: its console, and the command line. */
const adminClients = ["security-admin-console", "admin-cli"] as const;

/** A client that carries it was disabled by a freeze; one that was disabled before does not. */
const mark = "jwks-break-glass.frozen";

const clientShape = z.looseObject({
  id: z.string(),
  clientId: z.string(),
  enabled: z.boolean(),
  attributes: z.record(z.string(), z.string().nullable()).nullish(),
});
type AdminClient = z.infer<typeof clientShape>;

/** What a freeze has found of one client, and done with it. */
export interface FrozenClient {
  clientId: string;
  outcome: "frozen" | "already-frozen" | "was-disabled" | "absent";
  /** ISO 8601 UTC. */
  at: string;
}

/**
 * Disables the realm's admin clients: their tokens are refused by the Admin REST API from then on, and nobody can log in
 * with them. The mark that says so is set in the same request, so a crash leaves nothing that can't be undone, and a
 * client that somebody had disabled before stays as it is. Administrators of the master realm are not stopped by it.
 *
 * @throws {RotationError} any Keycloak code
 */
export async function freezeKeycloak(
  admin: KeycloakAdmin,
  progress: (line: string) => void,
): Promise<{ clients: FrozenClient[] }> {
  const clients: FrozenClient[] = [];
  for (const clientId of adminClients) {
    const client = await findClient(admin, clientId);
    const outcome = outcomeFor(client);
    if (client && outcome === "frozen") {
      await admin.put(`/clients/${client.id}`, marked(client, false));
      progress(`client ${clientId} is disabled`);
    }
    clients.push({ clientId, outcome, at: new Date().toISOString() });
  }
  return { clients };
}

function outcomeFor(client: AdminClient | undefined): FrozenClient["outcome"] {
  if (!client) return "absent";
  if (isMarked(client)) return client.enabled ? "frozen" : "already-frozen";
  return client.enabled ? "frozen" : "was-disabled";
}

/**
 * Enables exactly the clients that a freeze has disabled: each is then as it was before.
 *
 * @throws {RotationError} any Keycloak code
 */
export async function thawKeycloak(
  admin: KeycloakAdmin,
  progress: (line: string) => void,
): Promise<{ clients: string[] }> {
  const frozen = await frozenClients(admin);
  for (const client of frozen) {
    await admin.put(`/clients/${client.id}`, marked(client, true));
    progress(`client ${client.clientId} is enabled again`);
  }
  return { clients: frozen.map(({ clientId }) => clientId) };
}

/** The clients that a freeze has disabled and nobody has restored. Changes nothing. */
export async function frozenClients(admin: KeycloakAdmin): Promise<AdminClient[]> {
  const clients = await Promise.all(adminClients.map((clientId) => findClient(admin, clientId)));
  return clients.filter((client) => client !== undefined && isMarked(client)) as AdminClient[];
}

/** Why a freeze of Keycloak would lock this program out; undefined where it would not. */
export function refusesFreeze(
  { realm, clientId }: Pick<KeycloakConnection, "realm" | "clientId">,
  frozenRealm: string,
): string | undefined {
  if (realm !== frozenRealm || !adminClients.some((one) => one === clientId)) return undefined;
  return `freeze: would disable ${clientId} of realm ${realm}, with which this program itself logs in; give it a client of its own, or set freeze to api or none`;
}

async function findClient(admin: KeycloakAdmin, clientId: string): Promise<AdminClient | undefined> {
  const query = new URLSearchParams({ clientId });
  return (await admin.get(`/clients?${query}`, z.array(clientShape)))[0];
}

function isMarked({ attributes }: AdminClient): boolean {
  return attributes?.[mark] === "true";
}

/** An attribute goes only where it is set to nothing; left out, it stays. */
function marked(client: AdminClient, enabled: boolean): AdminClient {
  return { ...client, enabled, attributes: { ...client.attributes, [mark]: enabled ? "" : "true" } };
}
