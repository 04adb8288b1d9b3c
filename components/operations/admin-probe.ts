import { randomBytes } from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { z } from "zod";
import { RotationError } from "./errors.ts";
import { discover } from "./jwks.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";

/** What an administrator of the API looks like. */
export interface AdminIdentity {
  /** Realm roles that the API takes for an administrator's. */
  realmRoles: readonly string[];
  /** `aud` values that the API demands. */
  audience: readonly string[];
  /** The algorithm that its tokens are signed with. */
  algorithm: string;
}

/** A real session of the admin probe. */
export interface AdminSession {
  /** Secret. */
  token: string;
  sid: string;
  jti: string;
  kid: string;
  /** ISO 8601 UTC. */
  expiresAt: string;
}

const name = "jwks-break-glass-admin-probe";
const identified = z.array(z.looseObject({ id: z.string() }));
const roleShape = z.looseObject({ id: z.string(), name: z.string() });
const tokenAnswer = z.object({ access_token: z.string() });
const claims = z.looseObject({ sid: z.string(), jti: z.string(), exp: z.number() });

/**
 * Makes an administrator of our own for the length of a piece of work: a client and a user with the given realm roles
 * and nothing else, whose secrets are random and known to this process only. Both are deleted afterwards, so between two
 * runs there is no such administrator at all. A crash leaves one whose password nobody knows; the next run removes it.
 *
 * @throws {RotationError} ROLE_NOT_FOUND before anything is made; TOKEN_NOT_MINTED; any Keycloak code
 */
export async function withAdminProbe<T>(
  admin: KeycloakAdmin,
  identity: AdminIdentity,
  work: (login: () => Promise<AdminSession>) => Promise<T>,
): Promise<T> {
  const roles = await Promise.all(identity.realmRoles.map((role) => findRole(admin, role)));
  await remove(admin);
  try {
    const secrets = { client: secret(), password: secret() };
    await makeClient(admin, identity, roles, secrets.client);
    await makeUser(admin, roles, secrets.password);
    const { tokenEndpoint } = await discover(admin);
    return await work(() => login(admin, tokenEndpoint, secrets));
  } finally {
    await remove(admin);
  }
}

function secret(): string {
  return randomBytes(32).toString("base64url");
}

type Role = z.infer<typeof roleShape>;

async function findRole(admin: KeycloakAdmin, role: string): Promise<Role> {
  const found = await admin.getIfThere(`/roles/${encodeURIComponent(role)}`, roleShape);
  if (found) return found;
  throw new RotationError("ROLE_NOT_FOUND", `realm ${admin.realmName} has no realm role ${role}`, {
    nextStep: "set sessions.adminProbe.realmRoles to the realm roles that the API takes for an administrator's",
  });
}

/** The user goes first: with it go its sessions. */
async function remove(admin: KeycloakAdmin): Promise<void> {
  const users = await admin.get(`/users?${new URLSearchParams({ username: name, exact: "true" })}`, identified);
  for (const { id } of users) await admin.deleteIfThere(`/users/${id}`);
  const clients = await admin.get(`/clients?${new URLSearchParams({ clientId: name })}`, identified);
  for (const { id } of clients) await admin.deleteIfThere(`/clients/${id}`);
}

async function makeClient(
  admin: KeycloakAdmin,
  { audience, algorithm }: AdminIdentity,
  roles: readonly Role[],
  clientSecret: string,
): Promise<void> {
  await admin.post("/clients", {
    clientId: name,
    description: "Proves the deny-list during an emergency, and is deleted after it.",
    enabled: true,
    secret: clientSecret,
    publicClient: false,
    standardFlowEnabled: false,
    serviceAccountsEnabled: false,
    directAccessGrantsEnabled: true,
    fullScopeAllowed: false,
    attributes: { "access.token.signed.response.alg": algorithm },
    protocolMappers: audience.map((value) => ({
      name: `aud ${value}`,
      protocol: "openid-connect",
      protocolMapper: "oidc-audience-mapper",
      config: { "included.custom.audience": value, "access.token.claim": "true" },
    })),
  });
  const [client] = await admin.get(`/clients?${new URLSearchParams({ clientId: name })}`, identified);
  await admin.post(`/clients/${client?.id}/scope-mappings/realm`, roles);
}

/** Keycloak refuses the login of a user without a name or an address. */
async function makeUser(admin: KeycloakAdmin, roles: readonly Role[], password: string): Promise<void> {
  await admin.post("/users", {
    username: name,
    enabled: true,
    email: `${name}@example.invalid`,
    emailVerified: true,
    firstName: "Admin",
    lastName: "Probe",
    credentials: [{ type: "password", value: password, temporary: false }],
  });
  const [user] = await admin.get(`/users?${new URLSearchParams({ username: name, exact: "true" })}`, identified);
  await admin.post(`/users/${user?.id}/role-mappings/realm`, roles);
}

async function login(
  admin: KeycloakAdmin,
  tokenEndpoint: string,
  secrets: { client: string; password: string },
): Promise<AdminSession> {
  const form = new URLSearchParams({
    grant_type: "password",
    client_id: name,
    client_secret: secrets.client,
    username: name,
    password: secrets.password,
    scope: "openid",
  });
  const { status, body } = await admin.fetchPublic(tokenEndpoint, { form });
  if (status !== 200) throw notLoggedIn(`HTTP ${status}`);
  try {
    const { access_token: token } = tokenAnswer.parse(JSON.parse(body));
    const { sid, jti, exp } = claims.parse(decodeJwt(token));
    const kid = decodeProtectedHeader(token).kid ?? "";
    return { token, sid, jti, kid, expiresAt: new Date(exp * 1000).toISOString() };
  } catch {
    // Its cause may quote the answer, and so a token.
    throw notLoggedIn("no token with a session");
  }
}

function notLoggedIn(what: string): RotationError {
  return new RotationError("TOKEN_NOT_MINTED", `asked for a token of the admin probe, Keycloak answered ${what}`, {
    nextStep:
      "see whether a password policy, a required action or the direct grant flow of the realm keeps a new user from logging in",
  });
}
