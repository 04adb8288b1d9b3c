import { decodeProtectedHeader } from "jose";
import pLimit from "p-limit";
import type { ApiFleet } from "../lab/api-fleet.ts";
import { statusOfGet } from "../lab/bearer-request.ts";
import type { Scenario } from "../lab/scenario.ts";

/** What the thief has: tokens that were signed with the key, and so could be signed by anyone who has it. */
export interface Loot {
  kid: string;
  tokens: string[];
}

const thief = "shop-frontend";
/** More port-forwards at a time are no faster. */
const askedAtOnce = 8;

/** Mints tokens with the key that is about to be called stolen: of a service account and of a user. */
export async function stealTokens({ admin, realm }: Pick<Scenario, "admin" | "realm">): Promise<Loot> {
  const { clientId, clientSecret } = await admin.createClient(realm, thief);
  await admin.createUser(realm, "mallory", "mallory-password");
  const user = { username: "mallory", password: "mallory-password" };
  const tokens = [
    await admin.mint(realm, { clientId, clientSecret }),
    await admin.mint(realm, { clientId, clientSecret, ...user }),
  ];
  return { kid: decodeProtectedHeader(tokens[0] ?? "").kid ?? "", tokens };
}

/** How many of the instances that serve now take any of the tokens, and how many serve. */
export async function countAccepting(
  { fleet }: Pick<Scenario<ApiFleet>, "fleet">,
  { tokens }: Loot,
): Promise<{ accepting: number; total: number }> {
  const instances = await fleet.list();
  const taken = await pLimit(askedAtOnce).map(instances, async (instance) => {
    for (const token of tokens) if ((await instance.statusOf("/api/me", token)) === 200) return true;
    return false;
  });
  return { accepting: taken.filter(Boolean).length, total: instances.length };
}

/** Whether Keycloak itself still takes any of the tokens. */
export async function issuerAccepts(
  { admin, realm }: Pick<Scenario, "admin" | "realm">,
  { tokens }: Loot,
): Promise<boolean> {
  const url = `${admin.issuer(realm)}/protocol/openid-connect/userinfo`;
  const statuses = await Promise.all(tokens.map((token) => statusOfGet(url, token)));
  return statuses.includes(200);
}
