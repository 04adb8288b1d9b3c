import { randomBytes } from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { z } from "zod";
import { messageOf, RotationError } from "../base/errors.ts";
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
/** `.invalid` never has a mailbox (RFC 2606). Keycloak demands an address by default, and a realm may make it the username. */
const email = `${name}@jwks-break-glass.invalid`;
/** Seconds: a proof may have to wait for pods, and the realm's own lifespan may be a minute. Capped by the SSO session's. */
const lifespan = "3600";
const identified = z.array(z.looseObject({ id: z.string() }));
const userShape = z.looseObject({ id: z.string(), username: z.string() });
const profileShape = z.looseObject({
  attributes: z.array(
    z.looseObject({
      name: z.string(),
      required: z.looseObject({}).nullish(),
      validations: z
        .looseObject({ options: z.looseObject({ options: z.array(z.string()) }).optional() })
        .nullish(),
    }),
  ),
});
const roleShape = z.looseObject({ id: z.string(), name: z.string() });
const tokenAnswer = z.object({ access_token: z.string() });
const claims = z.looseObject({ sid: z.string(), jti: z.string(), exp: z.number() });

/**
 * Makes an administrator of our own for the length of a piece of work: a client and a user with the given realm roles
 * and nothing else, whose secrets are random and known to this process only. Both are deleted afterwards: disabled, they
 * would be two things that hold an administrator's role, stay in every list of those who have it, and could be enabled
 * by somebody else. A crash leaves one whose password nobody knows and whose token nobody has; the next run removes it.
 *
 * @throws {RotationError} ROLE_NOT_FOUND before anything is made; TOKEN_NOT_MINTED; ADMIN_PROBE_LEFT where the work is
 *   done and they can't be deleted; any Keycloak code
 */
export async function withAdminProbe<T>(
  admin: KeycloakAdmin,
  identity: AdminIdentity,
  work: (login: () => Promise<AdminSession>) => Promise<T>,
): Promise<T> {
  await removeAdminProbe(admin);
  const roles = await Promise.all(identity.realmRoles.map((role) => findRole(admin, role)));
  let result: T;
  try {
    const secrets = { client: secret(), password: secret() };
    await makeClient(admin, identity, roles, secrets.client);
    const username = await makeUser(admin, roles, secrets.password);
    const { tokenEndpoint } = await discover(admin);
    result = await work(() => login(admin, tokenEndpoint, { ...secrets, username }));
  } catch (error) {
    // What went wrong first is what the reader has to know; the next run tries the removal again.
    await removeAdminProbe(admin).catch(() => undefined);
    throw error;
  }
  await removeAdminProbe(admin).catch((cause: unknown) => {
    throw notRemoved(admin, cause);
  });
  return result;
}

function notRemoved({ realmName }: KeycloakAdmin, cause: unknown): RotationError {
  return new RotationError(
    "ADMIN_PROBE_LEFT",
    `user and client ${name} are still in realm ${realmName}, with an administrator's role and a password that nobody knows (${messageOf(cause)})`,
    { nextStep: "delete both in Keycloak's console, or run the same up again", cause },
  );
}

/** Random, and with one of each kind of character that a password policy may ask for. */
function secret(): string {
  return `${randomBytes(32).toString("base64url")}-aA1`;
}

type Role = z.infer<typeof roleShape>;

async function findRole(admin: KeycloakAdmin, role: string): Promise<Role> {
  const found = await admin.getIfThere(`/roles/${encodeURIComponent(role)}`, roleShape);
  if (found) return found;
  throw new RotationError("ROLE_NOT_FOUND", `realm ${admin.realmName} has no realm role ${role}`, {
    nextStep:
      "set sessions.adminProbe.realmRoles to the realm roles that the API takes for an administrator's",
  });
}

/**
 * Deletes what a run that was killed may have left. The user goes first: with it go its sessions.
 *
 * @throws {RotationError} any Keycloak code
 */
export async function removeAdminProbe(admin: KeycloakAdmin): Promise<void> {
  const left = await Promise.all([name, email].map((username) => findUser(admin, username)));
  for (const user of left) if (user) await admin.deleteIfThere(`/users/${user.id}`);
  const client = await findClient(admin);
  if (client) await admin.deleteIfThere(`/clients/${client.id}`);
}

/** Whether a run that was killed has left the user or the client. Changes nothing. */
export async function findAdminProbe(admin: KeycloakAdmin): Promise<string[]> {
  const users = await Promise.all([name, email].map((username) => findUser(admin, username)));
  const client = await findClient(admin);
  return [
    ...users.flatMap((user) => (user ? [`user ${user.username}`] : [])),
    ...(client ? [`client ${name}`] : []),
  ];
}

async function findUser(admin: KeycloakAdmin, username: string) {
  const query = new URLSearchParams({ username, exact: "true" });
  return (await admin.get(`/users?${query}`, z.array(userShape)))[0];
}

async function findClient(admin: KeycloakAdmin) {
  return (await admin.get(`/clients?${new URLSearchParams({ clientId: name })}`, identified))[0];
}

async function makeClient(
  admin: KeycloakAdmin,
  { audience, algorithm }: AdminIdentity,
  roles: readonly Role[],
  clientSecret: string,
): Promise<void> {
  const made = {
    clientId: name,
    description: "Proves the deny-list during an emergency, and is deleted after it.",
    enabled: true,
    secret: clientSecret,
    publicClient: false,
    standardFlowEnabled: false,
    serviceAccountsEnabled: false,
    directAccessGrantsEnabled: true,
    fullScopeAllowed: false,
    attributes: { "access.token.signed.response.alg": algorithm, "access.token.lifespan": lifespan },
    protocolMappers: audience.map((value) => ({
      name: `aud ${value}`,
      protocol: "openid-connect",
      protocolMapper: "oidc-audience-mapper",
      config: { "included.custom.audience": value, "access.token.claim": "true" },
    })),
  };
  await admin.postOnce("/clients", made, { isDone: async () => (await findClient(admin)) !== undefined });
  const client = await findClient(admin);
  await admin.post(`/clients/${client?.id}/scope-mappings/realm`, roles, { repeatable: true });
}

/**
 * Keycloak refuses the login of a user who has not filled in what the realm's user profile demands, or to whom an action
 * is left to do; the realm's default actions are given to every new user, so they are taken away again.
 *
 * @returns the username, which some realms make the address
 */
async function makeUser(admin: KeycloakAdmin, roles: readonly Role[], password: string): Promise<string> {
  const profile = await requiredProfile(admin);
  const attended = { enabled: true, emailVerified: true, requiredActions: [], ...profile };
  const credentials = [{ type: "password", value: password, temporary: false }];
  const find = async () => (await findUser(admin, name)) ?? (await findUser(admin, email));
  const isDone = async () => (await find()) !== undefined;
  await admin.postOnce("/users", { ...attended, username: name, credentials }, { isDone });
  const user = await find();
  if (!user) throw notLoggedIn("no user of that name right after making it");
  await admin.put(`/users/${user.id}`, { ...attended, username: user.username });
  await admin.post(`/users/${user.id}/role-mappings/realm`, roles, { repeatable: true });
  return user.username;
}

/** A value for each attribute that the realm demands of a user. Its address only where it is demanded. */
async function requiredProfile(admin: KeycloakAdmin): Promise<Record<string, unknown>> {
  const [{ attributes }, realm] = await Promise.all([
    admin.get("/users/profile", profileShape),
    admin.get("", z.looseObject({ registrationEmailAsUsername: z.boolean().nullish() })),
  ]);
  const required = attributes.filter((one) => one.required && one.name !== "username");
  const values = required.map(
    (one) => [one.name, one.validations?.options?.options[0] ?? "jwks-break-glass"] as const,
  );
  const own = values.filter(([attribute]) => !["email", "firstName", "lastName"].includes(attribute));
  const isAsked = (attribute: string) => required.some((one) => one.name === attribute);
  return {
    ...(isAsked("email") || realm.registrationEmailAsUsername ? { email } : {}),
    ...(isAsked("firstName") ? { firstName: "JWKS break-glass" } : {}),
    ...(isAsked("lastName") ? { lastName: "admin probe" } : {}),
    attributes: Object.fromEntries(own.map(([attribute, value]) => [attribute, [value]])),
  };
}

async function login(
  admin: KeycloakAdmin,
  tokenEndpoint: string,
  secrets: { username: string; client: string; password: string },
): Promise<AdminSession> {
  const form = new URLSearchParams({
    grant_type: "password",
    client_id: name,
    client_secret: secrets.client,
    username: secrets.username,
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
  return new RotationError(
    "TOKEN_NOT_MINTED",
    `asked for a token of the admin probe, Keycloak answered ${what}`,
    {
      nextStep:
        "see whether a password policy, a required action or the direct grant flow of the realm keeps a new user from logging in",
    },
  );
}
