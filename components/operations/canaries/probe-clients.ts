import { z } from "zod";
import { RotationError } from "../base/errors.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { ProbeClient } from "./tokens.ts";

/** What the API demands of a token beyond its signature. */
export interface ProbeIdentity {
  /** One client is kept for each. */
  algorithms: readonly string[];
  /** Values for the tokens' `aud` claim. */
  audience: readonly string[];
  /** Realm roles of the service accounts. */
  realmRoles: readonly string[];
  /** For how long instances may go on accepting an expired token. */
  clockSkewSeconds: number;
}

export interface ProbeClients {
  /** Secret. One for each algorithm. */
  clients: ProbeClient[];
  /** Secret. A client whose tokens have expired when they are minted. */
  expired: ProbeClient;
}

const prefix = "jwks-break-glass-probe-";

/**
 * Seconds: 90 days, so that the canary tokens of a planned rotation outlive its overlap by far; they die with their key
 * anyway. Only tokens with offline access live that long: Keycloak caps all others at the realm's SSO session maximum.
 */
const canaryLifespan = "7776000";

/**
 * Seconds below zero: Keycloak mints a token that expired that long ago, so nobody has to wait until an instance must
 * refuse it. No longer than the clock skew takes: an instance that tolerates more is to be noticed. Never -1, which
 * Keycloak takes for no limit.
 */
function expiredLifespan({ clockSkewSeconds }: ProbeIdentity): string {
  return String(-Math.ceil(clockSkewSeconds) - 2);
}

const clientShape = z.looseObject({
  id: z.string(),
  clientId: z.string(),
  attributes: z.record(z.string(), z.string().nullish()).nullish(),
  protocolMappers: z
    .array(
      z.looseObject({ id: z.string(), name: z.string(), config: z.record(z.string(), z.string()).nullish() }),
    )
    .nullish(),
});
const roleShape = z.looseObject({ id: z.string(), name: z.string() });
type FoundClient = z.infer<typeof clientShape>;

/**
 * The clients whose service accounts mint the tokens that instances are probed with: one for each algorithm, and one
 * whose tokens have expired already. Each is made where it is missing, and set right where somebody has changed it, so that
 * neither a lost state nor a deleted client costs the proof. Their secrets are Keycloak's, and kept nowhere else.
 *
 * @throws {RotationError} ROLE_NOT_FOUND; any Keycloak code
 */
export async function ensureProbeClients(
  admin: KeycloakAdmin,
  identity: ProbeIdentity,
): Promise<ProbeClients> {
  const [first = "RS256"] = identity.algorithms;
  const roles = await Promise.all(identity.realmRoles.map((role) => findRole(admin, role)));
  const ensure = (algorithm: string, suffix: string, lifespan: string) =>
    ensureClient(admin, { algorithm, suffix, lifespan, audience: identity.audience, roles });
  const [expired, ...clients] = await Promise.all([
    ensure(first, "expired", expiredLifespan(identity)),
    ...identity.algorithms.map((algorithm) => ensure(algorithm, algorithm.toLowerCase(), canaryLifespan)),
  ]);
  return { clients, expired };
}

/** Those that are there, without changing anything. A client that was deleted is left out. */
export async function findProbeClients(
  admin: KeycloakAdmin,
  algorithms: readonly string[],
): Promise<ProbeClient[]> {
  const found = await Promise.all(
    algorithms.map(async (algorithm) => {
      const client = await findClient(admin, algorithm.toLowerCase());
      return client ? [await withSecret(admin, client, algorithm)] : [];
    }),
  );
  return found.flat();
}

/** Those that are there and are as this program has made them, without changing anything: a run uses them as they are. */
export async function findSoundProbeClients(
  admin: KeycloakAdmin,
  { algorithms, audience }: Pick<ProbeIdentity, "algorithms" | "audience">,
): Promise<ProbeClient[]> {
  const found = await Promise.all(
    algorithms.map(async (algorithm) => {
      const suffix = algorithm.toLowerCase();
      const client = await findClient(admin, suffix);
      const wanted = { algorithm, suffix, lifespan: canaryLifespan, audience, roles: [] };
      return client && isAsWanted(client, wanted) ? [await withSecret(admin, client, algorithm)] : [];
    }),
  );
  return found.flat();
}

/**
 * The client whose tokens live for a second, without changing anything.
 *
 * @param algorithms those that a key signs: for another, Keycloak would make a key
 * @returns undefined where it is not there, or asks for an algorithm that no key signs
 */
export async function findExpiredProbeClient(
  admin: KeycloakAdmin,
  algorithms: readonly string[],
): Promise<ProbeClient | undefined> {
  const client = await findClient(admin, "expired");
  const algorithm = client?.attributes?.["access.token.signed.response.alg"];
  if (!client || !algorithm || !algorithms.includes(algorithm)) return undefined;
  return withSecret(admin, client, algorithm);
}

/** Deletes what {@link ensureProbeClients} has made. */
export async function removeProbeClients(admin: KeycloakAdmin): Promise<void> {
  const query = new URLSearchParams({ clientId: prefix, search: "true" });
  const clients = await admin.get(`/clients?${query}`, z.array(clientShape));
  const own = clients.filter(({ clientId }) => clientId.startsWith(prefix));
  await Promise.all(own.map(({ id }) => admin.deleteIfThere(`/clients/${id}`)));
}

interface Wanted {
  algorithm: string;
  suffix: string;
  /** Of its tokens, in seconds. */
  lifespan: string;
  audience: readonly string[];
  roles: readonly z.infer<typeof roleShape>[];
}

async function ensureClient(admin: KeycloakAdmin, wanted: Wanted): Promise<ProbeClient> {
  const known = await findClient(admin, wanted.suffix);
  if (!known) await admin.post("/clients", { ...representation(wanted), protocolMappers: mappers(wanted) });
  else if (!isAsWanted(known, wanted)) await setRight(admin, known, wanted);
  const client = known ?? (await findClient(admin, wanted.suffix));
  if (!client) throw notMade(wanted);
  if (wanted.roles.length > 0) await grant(admin, client, wanted.roles);
  return withSecret(admin, client, wanted.algorithm);
}

function representation({ algorithm, suffix, lifespan }: Wanted) {
  return {
    clientId: `${prefix}${suffix}`,
    name: `JWKS break-glass probe (${suffix})`,
    description: "Mints the tokens with which key rotations are verified. Kept by jwks-break-glass.",
    protocol: "openid-connect",
    enabled: true,
    publicClient: false,
    clientAuthenticatorType: "client-secret",
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
    implicitFlowEnabled: false,
    directAccessGrantsEnabled: false,
    attributes: { "access.token.lifespan": lifespan, "access.token.signed.response.alg": algorithm },
  };
}

function mappers({ audience }: Wanted) {
  return audience.map((value) => ({
    name: `aud ${value}`,
    protocol: "openid-connect",
    protocolMapper: "oidc-audience-mapper",
    config: {
      "included.custom.audience": value,
      "access.token.claim": "true",
      "id.token.claim": "false",
      "introspection.token.claim": "true",
    },
  }));
}

function isAsWanted(client: FoundClient, wanted: Wanted): boolean {
  const { attributes, ...plain } = representation(wanted);
  const now: Record<string, unknown> = client;
  const isSame = Object.entries(plain).every(([key, value]) => now[key] === value);
  const hasAttributes = Object.entries(attributes).every(
    ([key, value]) => client.attributes?.[key] === value,
  );
  return (
    isSame &&
    hasAttributes &&
    missingMappers(client, wanted).length + extraMappers(client, wanted).length === 0
  );
}

async function setRight(admin: KeycloakAdmin, client: FoundClient, wanted: Wanted): Promise<void> {
  const { attributes, ...plain } = representation(wanted);
  const changed = { ...client, ...plain, attributes: { ...client.attributes, ...attributes } };
  await admin.put(`/clients/${client.id}`, changed);
  const models = `/clients/${client.id}/protocol-mappers/models`;
  for (const mapper of missingMappers(client, wanted)) await admin.post(models, mapper);
  for (const { id } of extraMappers(client, wanted)) await admin.deleteIfThere(`${models}/${id}`);
}

function missingMappers({ protocolMappers }: FoundClient, wanted: Wanted) {
  return mappers(wanted).filter(({ name }) => !protocolMappers?.some((mapper) => mapper.name === name));
}

/** Audiences that the config no longer has. Mappers of other names are somebody else's. */
function extraMappers({ protocolMappers }: FoundClient, wanted: Wanted) {
  const names = mappers(wanted).map(({ name }) => name);
  return (protocolMappers ?? []).filter(({ name }) => name.startsWith("aud ") && !names.includes(name));
}

async function grant(admin: KeycloakAdmin, client: FoundClient, roles: Wanted["roles"]): Promise<void> {
  const { id } = await admin.get(
    `/clients/${client.id}/service-account-user`,
    z.looseObject({ id: z.string() }),
  );
  const path = `/users/${id}/role-mappings/realm`;
  const granted = await admin.get(path, z.array(roleShape));
  const missing = roles.filter((role) => !granted.some(({ name }) => name === role.name));
  if (missing.length > 0) await admin.post(path, missing);
}

async function findRole(admin: KeycloakAdmin, role: string) {
  const found = await admin.getIfThere(`/roles/${encodeURIComponent(role)}`, roleShape);
  if (found) return found;
  throw new RotationError("ROLE_NOT_FOUND", `realm ${admin.realmName} has no realm role ${role}`, {
    nextStep: "set probe.realmRoles to realm roles that the API demands of a caller",
  });
}

async function findClient(admin: KeycloakAdmin, suffix: string): Promise<FoundClient | undefined> {
  const query = new URLSearchParams({ clientId: `${prefix}${suffix}` });
  return (await admin.get(`/clients?${query}`, z.array(clientShape)))[0];
}

async function withSecret(
  admin: KeycloakAdmin,
  { id, clientId }: FoundClient,
  algorithm: string,
): Promise<ProbeClient> {
  const { value } = await admin.get(`/clients/${id}/client-secret`, z.looseObject({ value: z.string() }));
  return { algorithm, clientId, clientSecret: value };
}

function notMade({ suffix }: Wanted): RotationError {
  return new RotationError(
    "TOKEN_NOT_MINTED",
    `client ${prefix}${suffix} was made and is not there: Keycloak nodes may disagree, or somebody deletes it`,
    { nextStep: "run the same up again" },
  );
}
