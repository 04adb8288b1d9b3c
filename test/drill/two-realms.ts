import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { z } from "zod";
import { type Evidence, evidenceSchema } from "#operations/evidence/evidence-schema";
import { type Fleet, startFleet } from "../../scripts/lab/fleet.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { strictCache } from "../../scripts/lab/scenario-boot.ts";
import { scenarioFor } from "./world.ts";

const identified = z.array(z.looseObject({ id: z.string() }));
const role = z.looseObject({ id: z.string(), name: z.string() });

/** What the README asks for. */
export const needed = ["manage-realm", "view-realm", "view-clients", "manage-clients"];

export interface TwoRealms {
  scenario: Scenario;
  other: { realm: string; fleet: Fleet };
  /** Gives the stack's admin client roles on a realm. */
  grant(realm: string, roles: readonly string[]): Promise<void>;
}

/** Two realms, each with API processes of its own, and an admin client that has no role yet. */
export async function twoRealms(t: TestContext): Promise<TwoRealms> {
  const scenario = await scenarioFor(t, { instances: 2 });
  const { admin, realm, apiRefreshToken } = scenario;
  const other = await admin.createRealm(`bank-${randomUUID().slice(0, 8)}`);
  t.after(() => admin.deleteRealm(other.name));
  const fleet = await startFleet({ count: 2, issuer: other.issuer, apiRefreshToken, env: strictCache });
  t.after(() => fleet.stop());
  const client = await admin.createClient("master", `rotator-${randomUUID().slice(0, 8)}`);
  const [made] = identified.parse(await admin.get(`/master/clients?clientId=${client.clientId}`));
  t.after(() => admin.send("DELETE", `/master/clients/${made?.id}`));
  const account = role
    .omit({ name: true })
    .parse(await admin.get(`/master/clients/${made?.id}/service-account-user`));
  const instancesOf = ({ instances }: Fleet) => instances.map(({ name, url }) => ({ name, url }));
  await scenario.stack.setConfig(
    {
      "keycloak:clientId": client.clientId,
      realm: [realm, { name: other.name, targets: instancesOf(fleet) }],
    },
    { "keycloak:clientSecret": client.clientSecret },
  );
  const grant = async (name: string, roles: readonly string[]) => {
    const [owner] = identified.parse(await admin.get(`/master/clients?clientId=${name}-realm`));
    const granted = await Promise.all(
      roles.map(async (one) => role.parse(await admin.get(`/master/clients/${owner?.id}/roles/${one}`))),
    );
    await admin.send("POST", `/master/users/${account.id}/role-mappings/clients/${owner?.id}`, granted);
  };
  return { scenario, other: { realm: other.name, fleet }, grant };
}

export async function evidenceOfRealm(
  scenario: Scenario,
  incident: string,
  rotation: number,
  realm: string,
): Promise<Evidence> {
  const path = join(scenario.evidenceDir, incident, String(rotation), realm, "evidence.json");
  return evidenceSchema.parse(JSON.parse(await readFile(path, "utf8")));
}
