import { describeDuration } from "../base/durations.ts";
import { RotationError } from "../base/errors.ts";
import type { MintedToken } from "../canaries/canary.ts";
import { type ForgedToken, forgeSignature } from "../canaries/forged-tokens.ts";
import { findExpiredProbeClient, findProbeClients } from "../canaries/probe-clients.ts";
import { mintLongLivedToken, mintToken, type ProbeClient } from "../canaries/tokens.ts";
import { discover } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { RealmKey } from "../keys/realm-keys.ts";
import { shortLived } from "../proof/prepare-questions.ts";
import type { ShortLivedToken } from "../proof/questions.ts";
import { type Examined, type Finding, findingOf } from "./finding.ts";

/** The tokens that instances are asked about. Holds secrets. */
export interface ExamTokens {
  /** One for each algorithm that could be minted: as the canary tokens of an emergency. */
  good: MintedToken[];
  /** The same, with a known kid and a wrong signature. */
  forged: ForgedToken[];
  /** Of the right key, and expired when it is shown. Undefined where it can't be minted. */
  expired: ShortLivedToken | undefined;
}

export const noTokens: ExamTokens = { good: [], forged: [], expired: undefined };

export interface TokenQuestion {
  algorithms: readonly string[];
  /** All signing keys of the realm. */
  keys: readonly RealmKey[];
  /** Seconds that a run may take that has to restart everything. */
  longestRunSeconds: number;
}

/** A canary token that lives for less can't even be shown before and after the cut-over. */
const leastSeconds = 300;

/**
 * Mints a token with each probe client, as an emergency does before the cut-over. Nothing is minted for an algorithm that
 * no key signs: Keycloak would make a key for it. Clients that are not there are not made.
 */
export async function examineTokens(
  admin: KeycloakAdmin,
  { algorithms, keys, longestRunSeconds }: TokenQuestion,
): Promise<{ examined: Examined; tokens: ExamTokens }> {
  const realm = admin.realmName;
  const signed = algorithms.filter((algorithm) =>
    keys.some((key) => key.signing && key.algorithm === algorithm),
  );
  const unsigned = algorithms.filter((algorithm) => !signed.includes(algorithm));
  try {
    const tokenEndpoint = await endpointOf(admin);
    const clients = await findProbeClients(admin, signed);
    const [[expired, ofExpired], minted] = await Promise.all([
      mintExpired(admin, tokenEndpoint, signed),
      Promise.all(clients.map((client) => mintGood(admin, tokenEndpoint, client))),
    ]);
    const good = minted.flatMap(([token]) => token ?? []);
    const absent = signed.filter((algorithm) => !clients.some((client) => client.algorithm === algorithm));
    const findings = [
      ...absent.map((algorithm) => clientMissing(realm, algorithm)),
      ...minted.flatMap(([, refusals]) => refusals),
      ...good.flatMap((token) => tooShort(realm, token, longestRunSeconds)),
      ...ofExpired,
    ];
    const seen = [
      ...good.map((token) => `${token.algorithm}: lives ${describeDuration(lifeMs(token))}`),
      ...unsigned.map((algorithm) => `${algorithm}: no key signs it yet`),
    ];
    return {
      examined: { check: "tokens", realm, seen: seen.join("; ") || "none could be minted", findings },
      tokens: { good, forged: await Promise.all(good.map(forgeSignature)), expired },
    };
  } catch (error) {
    const finding = findingOf(error, { realm, severity: "problem", emergency: unproven });
    return {
      examined: { check: "tokens", realm, seen: "none could be minted", findings: [finding] },
      tokens: noTokens,
    };
  }
}

const unproven =
  "the key is disabled regardless, but without canary tokens its death can't be proven: the run ends red";

/** Where discovery can't be read from here, an emergency asks Keycloak's own address. */
async function endpointOf(admin: KeycloakAdmin): Promise<string> {
  try {
    return (await discover(admin)).tokenEndpoint;
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return `${admin.realmUrl}/protocol/openid-connect/token`;
  }
}

async function mintGood(
  admin: KeycloakAdmin,
  tokenEndpoint: string,
  client: ProbeClient,
): Promise<[MintedToken | undefined, Finding[]]> {
  try {
    return [await mintLongLivedToken(admin, tokenEndpoint, client), []];
  } catch (error) {
    const emergency = `the run first repairs what this program has set on that client; if Keycloak still refuses, ${unproven}`;
    return [undefined, [findingOf(error, { realm: admin.realmName, severity: "problem", emergency })]];
  }
}

async function mintExpired(
  admin: KeycloakAdmin,
  tokenEndpoint: string,
  algorithms: readonly string[],
): Promise<[ShortLivedToken | undefined, Finding[]]> {
  const realm = admin.realmName;
  const emergency = "it is not known whether instances refuse an expired token; the verification asks them";
  try {
    const client = await findExpiredProbeClient(admin, algorithms);
    if (client) return [shortLived(await mintToken(admin, tokenEndpoint, client)), []];
    if (algorithms.length === 0) return [undefined, []];
    return [undefined, [expiredMissing(realm)]];
  } catch (error) {
    return [
      undefined,
      [findingOf(error, { realm, severity: "problem", emergency: `${emergency}, and ends red` })],
    ];
  }
}

function lifeMs({ expiresAt }: MintedToken): number {
  return Date.parse(expiresAt) - Date.now();
}

const makeThem = "run pulumi up in mode planned, which makes the client, then this check again";

function clientMissing(realm: string, algorithm: string): Finding {
  return {
    code: "PROBE_CLIENT_MISSING",
    severity: "unknown",
    realm,
    what: `realm ${realm} has no probe client for ${algorithm}, so no token was minted`,
    emergency: "the run makes the client; whether Keycloak then mints with it has not been shown",
    next: makeThem,
  };
}

function expiredMissing(realm: string): Finding {
  return {
    code: "PROBE_CLIENT_MISSING",
    severity: "unknown",
    realm,
    what: `realm ${realm} has no probe client that mints an expired token with a key that signs, so instances were not asked about one`,
    emergency: "the run makes the client; whether instances refuse an expired token has not been shown",
    next: makeThem,
  };
}

function tooShort(realm: string, token: MintedToken, longestRunSeconds: number): Finding[] {
  const seconds = lifeMs(token) / 1_000;
  if (seconds >= longestRunSeconds) return [];
  const isUseless = seconds < leastSeconds;
  return [
    {
      code: "TOKENS_TOO_SHORT",
      severity: isUseless ? "problem" : "warning",
      realm,
      what: `${token.algorithm} tokens of realm ${realm} live ${describeDuration(lifeMs(token))}, whatever the probe client asks for`,
      emergency: isUseless
        ? "the canary tokens expire before the instances are asked: the key is disabled, but the run ends red"
        : `a run that has to restart instances may take ${describeDuration(longestRunSeconds * 1_000)}; canary tokens that expire before that prove nothing`,
      next: "let the probe clients have offline access (realm role offline_access), or raise the realm's SSO session maximum",
    },
  ];
}
