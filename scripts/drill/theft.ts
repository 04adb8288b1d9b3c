import { decodeProtectedHeader } from "jose";
import { request } from "undici";
import type { Scenario } from "../lab/scenario.ts";

/** What the thief has: tokens that were signed with the key, and so could be signed by anyone who has it. */
export interface Loot {
  kid: string;
  tokens: string[];
}

const thief = "shop-frontend";

/** Mints tokens with the key that is about to be called stolen: of a service account and of a user. */
export async function stealTokens({ admin, realm }: Scenario): Promise<Loot> {
  const { clientId, clientSecret } = await admin.createClient(realm, thief);
  await admin.createUser(realm, "mallory", "mallory-password");
  const user = { username: "mallory", password: "mallory-password" };
  const tokens = [
    await admin.mint(realm, { clientId, clientSecret }),
    await admin.mint(realm, { clientId, clientSecret, ...user }),
  ];
  return { kid: decodeProtectedHeader(tokens[0] ?? "").kid ?? "", tokens };
}

/** How many of the instances take any of the tokens. */
export async function countAccepting({ fleet }: Scenario, { tokens }: Loot): Promise<number> {
  const taken = await Promise.all(
    fleet.instances.map(async ({ url }) => {
      const statuses = await Promise.all(tokens.map((token) => statusOf(`${url}/api/me`, token)));
      return statuses.includes(200);
    }),
  );
  return taken.filter(Boolean).length;
}

/** Whether Keycloak itself still takes any of the tokens. */
export async function issuerAccepts({ admin, realm }: Scenario, { tokens }: Loot): Promise<boolean> {
  const url = `${admin.issuer(realm)}/protocol/openid-connect/userinfo`;
  const statuses = await Promise.all(tokens.map((token) => statusOf(url, token)));
  return statuses.includes(200);
}

async function statusOf(url: string, token: string): Promise<number | undefined> {
  try {
    const { statusCode, body } = await request(url, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(10_000),
    });
    await body.dump();
    return statusCode;
  } catch {
    return undefined;
  }
}
