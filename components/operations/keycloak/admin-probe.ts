import { decodeJwt, decodeProtectedHeader } from "jose";
import { z } from "zod";
import { messageOf, RotationError } from "../base/errors.ts";
import { discover } from "./jwks.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";
import { passwordFor } from "./password-policy.ts";
import { emailFor, profileAttribute, profileValues } from "./profile-values.ts";
import { refusalReason } from "./refusal-reason.ts";

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
const profileShape = z.looseObject({ attributes: z.array(profileAttribute) });
const realmShape = z.looseObject({
  registrationEmailAsUsername: z.boolean().nullish(),
  passwordPolicy: z.string().nullish(),
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
    const client = passwordFor(undefined);
    await makeClient(admin, identity, roles, client);
    const user = await makeUser(admin, roles);
    const { tokenEndpoint } = await discover(admin);
    result = await work(() => login(admin, tokenEndpoint, { client, ...user }));
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
  for (const user of await findUsers(admin)) await admin.deleteIfThere(`/users/${user.id}`);
  const client = await findClient(admin);
  if (client) await admin.deleteIfThere(`/clients/${client.id}`);
}

/** Whether a run that was killed has left the user or the client. Changes nothing. */
export async function findAdminProbe(admin: KeycloakAdmin): Promise<string[]> {
  const users = await findUsers(admin);
  const client = await findClient(admin);
  return [...users.map(({ username }) => `user ${username}`), ...(client ? [`client ${name}`] : [])];
}

/** By each name that the realm may have given it. */
async function findUsers(admin: KeycloakAdmin) {
  const { attributes } = await admin.get("/users/profile", profileShape);
  const usernames = new Set([name, email, emailFor(attributes, { username: name, email })]);
  const users = await Promise.all([...usernames].map((username) => findUser(admin, username)));
  return users.flatMap((user) => user ?? []);
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
 * is left to do; the realm's default actions are given to every new user, so they are taken away again. The password
 * satisfies the realm's policy.
 *
 * @returns the username, which some realms make the address, and the password
 */
async function makeUser(
  admin: KeycloakAdmin,
  roles: readonly Role[],
): Promise<{ username: string; password: string }> {
  const realm = await admin.get("", realmShape);
  const profile = await requiredProfile(admin, realm.registrationEmailAsUsername === true);
  const password = passwordFor(realm.passwordPolicy ?? undefined);
  const attended = { enabled: true, emailVerified: true, requiredActions: [], ...profile };
  const credentials = [{ type: "password", value: password, temporary: false }];
  const find = async () => (await findUsers(admin))[0];
  const isDone = async () => (await find()) !== undefined;
  const made = { ...attended, username: name, credentials };
  await admin.postOnce("/users", made, { isDone }).catch(refusedUser);
  const user = await find();
  if (!user) throw notLoggedIn("no user of that name right after making it");
  await admin.put(`/users/${user.id}`, { ...attended, username: user.username }).catch(refusedUser);
  await admin.post(`/users/${user.id}/role-mappings/realm`, roles, { repeatable: true });
  return { username: user.username, password };
}

/** Keycloak's own words say which rule it is. */
function refusedUser(error: unknown): never {
  if (!(error instanceof RotationError) || error.code !== "KEYCLOAK_UNEXPECTED_ANSWER") throw error;
  throw new RotationError("TOKEN_NOT_MINTED", `the admin probe's user was refused: ${error.message}`, {
    nextStep:
      "relax the rule that Keycloak names, in the realm's password policy or user profile, or leave sessions.adminProbe out",
    cause: error,
  });
}

/** A value for each attribute that the realm demands of a user. Its address only where it is demanded. */
async function requiredProfile(
  admin: KeycloakAdmin,
  isEmailUsername: boolean,
): Promise<Record<string, unknown>> {
  const { attributes } = await admin.get("/users/profile", profileShape);
  const own = { username: name, email };
  const { email: address, firstName, lastName, ...others } = profileValues(attributes, own);
  return {
    ...(address || isEmailUsername ? { email: emailFor(attributes, own) } : {}),
    ...(firstName ? { firstName: firstName[0] } : {}),
    ...(lastName ? { lastName: lastName[0] } : {}),
    attributes: others,
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
  if (status !== 200) {
    const reason = refusalReason(body);
    throw notLoggedIn(`HTTP ${status}${reason === "" ? "" : ` (${reason})`}`);
  }
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
