import { decodeProtectedHeader } from "jose";
import type { ApiProcess } from "../lab/api-fleet.ts";
import { statusOfGet } from "../lab/bearer-request.ts";
import type { TokenRequest } from "../lab/keycloak-realms.ts";
import { askFleet } from "./ask-fleet.ts";
import { type DrillScenario, nounOf } from "./open-lab.ts";

/** Tokens signed with one key, kept to be tried again later. */
export interface HeldTokens {
  kid: string;
  tokens: string[];
}

/** Who accepts any of the held tokens. */
export interface Reach {
  accepting: number;
  /** How many instances serve now. */
  total: number;
  issuer: "accepted" | "refused";
}

/** Who the tokens are minted for: a service and a user. */
export type Holders = readonly TokenRequest[];

/** Makes the client `shop-frontend`, and a user of that name. */
export async function openFrontend({ admin, realm }: DrillScenario, username: string): Promise<Holders> {
  const service = await admin.createClient(realm, "shop-frontend");
  const user = { username, password: `${username}-password` };
  await admin.createUser(realm, username, { password: user.password });
  return [service, { ...service, ...user }];
}

/** Mints a token for each, with the key that signs now. */
export async function mintTokens({ admin, realm }: DrillScenario, holders: Holders): Promise<HeldTokens> {
  const tokens = await Promise.all(holders.map((holder) => admin.mint(realm, holder)));
  return { kid: decodeProtectedHeader(tokens[0] ?? "").kid ?? "", tokens };
}

/** One connection always reaches the same process; several that are open at the same time reach others. */
const connections = 8;

/** Asks every instance that serves now, and Keycloak. */
export async function reachOf(scenario: DrillScenario, { tokens }: HeldTokens): Promise<Reach> {
  const { admin, realm, fleet } = scenario;
  const taken = await askFleet(fleet, async (instance) => {
    for (const token of tokens) if (await isAcceptedBy(instance, token)) return true;
    return false;
  });
  const userinfo = `${admin.issuer(realm)}/protocol/openid-connect/userinfo`;
  const statuses = await Promise.all(tokens.map((token) => statusOfGet(userinfo, token)));
  return {
    accepting: taken.filter(Boolean).length,
    total: taken.length,
    issuer: statuses.includes(200) ? "accepted" : "refused",
  };
}

/** Whether any process of an instance accepts a token. */
async function isAcceptedBy(instance: ApiProcess, token: string): Promise<boolean> {
  const asked = Array.from({ length: connections }, () => instance.statusOf("/api/me", token));
  return (await Promise.all(asked)).includes(200);
}

/** Whether every instance and Keycloak accept the tokens. */
export function isTrusted({ accepting, total, issuer }: Reach): boolean {
  return total > 0 && accepting === total && issuer === "accepted";
}

/** Whether nobody accepts any of them. */
export function isDead({ accepting, issuer }: Reach): boolean {
  return accepting === 0 && issuer === "refused";
}

/** As "accepted by 5 of 5 instances". */
export function shareOfInstances(scenario: DrillScenario, { accepting, total }: Reach): string {
  return `accepted by ${accepting} of ${total} ${nounOf(scenario)}s`;
}
