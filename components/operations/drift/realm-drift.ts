import { messageOf, RotationError } from "../base/errors.ts";
import { findProbeClients } from "../canaries/probe-clients.ts";
import { mintToken } from "../canaries/tokens.ts";
import { findAdminProbe } from "../keycloak/admin-probe.ts";
import { frozenClients } from "../keycloak/freeze-keycloak.ts";
import { discover, readJwks, signatureKids } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { isTrusted, listSigningKeys, type RealmKey } from "../keys/realm-keys.ts";
import type { Finding } from "./finding.ts";
import { couldNotTell, instanceDrift } from "./instance-drift.ts";
import { type KeyQuestion, keyDrift } from "./key-drift.ts";
import type { KnownRealm } from "./known-realm.ts";

export interface RealmDrift {
  realm: string;
  findings: Finding[];
  /** How many signing keys, JWKS URLs and instances were checked. */
  keys: number;
  jwksUris: number;
  instances: number;
}

/**
 * Compares one realm, its JWKS and its instances with the state after the last `up`. It reads, and mints one token for
 * each of the probe's clients; it changes nothing. What can't be checked is a finding, never clean.
 */
export async function realmDrift(
  admin: KeycloakAdmin,
  known: KnownRealm,
  question: KeyQuestion,
): Promise<RealmDrift> {
  const findings: Finding[] = [...stateDrift(known, question)];
  const look = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      findings.push(couldNotTell(known.realm, `${what}: ${messageOf(error)}`));
      return undefined;
    }
  };
  const keys = await look("the realm's keys", () => listSigningKeys(admin));
  if (!keys) return { realm: known.realm, findings, keys: 0, jwksUris: 0, instances: 0 };
  findings.push(...keyDrift(keys, known, question));
  const jwks = await look("the JWKS", () => jwksDrift(admin, known, keys));
  findings.push(...(jwks?.findings ?? []));
  findings.push(...((await look("the freeze", () => freezeDrift(admin, known, question))) ?? []));
  findings.push(...((await look("the admin probe", () => probeDrift(admin, known, question))) ?? []));
  const answers = await look("the instances", async () =>
    instanceDrift(known, await freshTokens(admin, known, keys), question),
  );
  findings.push(...(answers?.findings ?? []));
  return {
    realm: known.realm,
    findings,
    keys: keys.length,
    jwksUris: jwks?.read ?? 0,
    instances: answers?.asked ?? 0,
  };
}

function stateDrift({ realm, verified, rotation }: KnownRealm, { stack }: KeyQuestion): Finding[] {
  if (verified) return [];
  return [
    {
      code: "NOT_VERIFIED",
      severity: "critical",
      realm,
      what: `rotation ${rotation} is not verified`,
      means: "an instance may still accept the retired key",
      fix: `pulumi up --stack ${stack}`,
    },
  ];
}

async function jwksDrift(admin: KeycloakAdmin, known: KnownRealm, keys: readonly RealmKey[]) {
  const trusted = keys.filter(isTrusted).map(({ kid }) => kid);
  const urls = known.jwksUris.length > 0 ? known.jwksUris : [(await discover(admin)).jwksUri];
  const findings = await Promise.all(urls.map((url) => jwksAt(admin, url, trusted, known.realm)));
  return { findings: findings.flat(), read: urls.length };
}

async function jwksAt(
  admin: KeycloakAdmin,
  url: string,
  trusted: readonly string[],
  realm: string,
): Promise<Finding[]> {
  try {
    const shown = signatureKids(await readJwks(admin, url));
    const untrusted = shown.filter((kid) => !trusted.includes(kid));
    const missing = trusted.filter((kid) => !shown.includes(kid));
    if (untrusted.length + missing.length === 0) return [];
    const differences = [
      ...(untrusted.length > 0 ? [`still shows ${untrusted.join(", ")}`] : []),
      ...(missing.length > 0 ? [`lacks ${missing.join(", ")}`] : []),
    ];
    return [
      {
        code: "JWKS_DIFFERS",
        severity: "critical",
        realm,
        what: `${url} ${differences.join(" and ")}`,
        means: "verifiers that fetch their keys there trust other keys than Keycloak does",
        fix: "purge the cache in front of it (CDN, proxy, second Keycloak node), then refresh the instances",
      },
    ];
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return [couldNotTell(realm, error.message)];
  }
}

async function freezeDrift(
  admin: KeycloakAdmin,
  { realm, frozenAt }: KnownRealm,
  { stack }: KeyQuestion,
): Promise<Finding[]> {
  const clients = await frozenClients(admin);
  const left = [
    ...clients.map(({ clientId }) => `client ${clientId} is disabled by the freeze of an emergency`),
    ...(frozenAt === undefined ? [] : [`the freeze of ${frozenAt} was never undone`]),
  ];
  return left.map((what) => ({
    code: "STILL_FROZEN",
    severity: "warning",
    realm,
    what,
    means: "administrators can't change anything",
    fix: `pulumi config set freeze release --stack ${stack} && pulumi up --stack ${stack}`,
  }));
}

async function probeDrift(
  admin: KeycloakAdmin,
  { realm }: KnownRealm,
  { stack }: KeyQuestion,
): Promise<Finding[]> {
  const left = await findAdminProbe(admin);
  if (left.length === 0) return [];
  return [
    {
      code: "ADMIN_PROBE_LEFT",
      severity: "warning",
      realm,
      what: `${left.join(" and ")} ${left.length === 1 ? "is" : "are"} left over from a run that was killed`,
      means: "there is an administrator account that nobody needs; nobody knows its password",
      fix: `delete it in Keycloak's console or, if the run is not verified, pulumi up --stack ${stack}`,
    },
  ];
}

/** Mints no token for a client whose algorithm has no active key: Keycloak would create a key for it. */
async function freshTokens(admin: KeycloakAdmin, known: KnownRealm, keys: readonly RealmKey[]) {
  const { tokenEndpoint } = await discover(admin);
  const active = keys.filter(({ status }) => status === "ACTIVE").map(({ algorithm }) => algorithm);
  const clients = await findProbeClients(
    admin,
    known.algorithms.filter((algorithm) => active.includes(algorithm)),
  );
  return Promise.all(clients.map((client) => mintToken(admin, tokenEndpoint, client)));
}
