import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import type { Canary, MintedToken } from "#operations/canaries/canary";
import { forgeTokens } from "#operations/canaries/forged-tokens";
import type { Baseline } from "#operations/proof/canary-findings";
import type { AskableRow } from "#operations/proof/ledger/rows";
import type { Questions } from "#operations/proof/questions";

/** What is asked of every instance: the same for all contenders. Plain data, so that it can be sent to a process. */
export interface Workload {
  questions: Questions;
  /** Instances at a time. */
  concurrency: number;
}

/** Requests per instance: one refresh, one look with a canary, then two canaries, their control token, one fresh token, four forgeries, one expired token. */
export const requestsPerInstance = 11;

const hour = 3_600;
const [newKid, retiredKid] = ["bench-new-key", "bench-retired-key"];

/** Makes a rotation's tokens locally. The expired one is long expired, so that nothing waits for it. */
export async function makeWorkload(concurrency: number): Promise<Workload> {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  const mint = (kid: string, expiresIn: number) => mintLocally(privateKey, kid, expiresIn);
  const fresh = await mint(newKid, hour);
  const jwk = await exportJWK(publicKey);
  const jwks = { keys: [{ ...jwk, kid: newKid, kty: "RSA", use: "sig", alg: "RS256" }] };
  return {
    concurrency,
    questions: {
      fleet: { ...settings(concurrency), apiRefreshTokens: [crypto.randomUUID()] },
      expectation: { present: [newKid], absent: [retiredKid] },
      rows: [await retiredRow(mint, fresh)],
      // The simulated instances know one good token.
      controls: [fresh],
      passive: [],
      fresh: [fresh],
      forged: await forgeTokens([fresh], jwks),
      expired: { ...(await mint(newKid, -hour)), expiresHere: 0 },
    },
  };
}

type Mint = (kid: string, expiresIn: number) => Promise<MintedToken>;

/** A key that this rotation has disabled. */
async function retiredRow(mint: Mint, control: MintedToken): Promise<AskableRow> {
  const deadSince = new Date().toISOString();
  return {
    ...{ kid: retiredKid, algorithm: "RS256", componentName: retiredKid, how: "rotation", deadSince },
    ...{ disabledAt: deadSince, disabledAtIsExact: true, standing: "open" },
    ...{ isTrustedAgain: false, keepsCells: true, control },
    canary: {
      kid: retiredKid,
      algorithm: "RS256",
      seen: await mint(retiredKid, hour),
      unseen: await mint(retiredKid, hour),
    },
  };
}

/** The canary tokens that every instance is asked about. */
export function canariesOf({ rows }: Pick<Questions, "rows">): Canary[] {
  return rows.flatMap(({ canary }) => canary ?? []);
}

/** What the simulated instances have to accept once the canary's key is retired; before that, the canary too. */
export function acceptedTokens({ questions }: Workload, when: "before" | "after"): string[] {
  const good = [...questions.controls, ...questions.fresh];
  const canaries = when === "before" ? canariesOf(questions).map(({ seen }) => seen) : [];
  return [...new Set([...good, ...canaries].map(({ token }) => token))];
}

/**
 * The questions of a version without control tokens, as requests: the fresh token stands for both. Without any control
 * token this version calls no instance proven, so they can't be left out.
 */
export function withoutControlTokens(workload: Workload): Workload {
  return { ...workload, questions: { ...workload.questions, fresh: [] } };
}

/** The stack config's defaults. */
function settings(concurrency: number): Pick<Questions["fleet"], "probe" | "refresh"> {
  return {
    refresh: { path: "/internal/auth/jwks/refresh", attempts: 4, timeoutMs: 5_000, concurrency },
    probe: {
      path: "/api/me",
      acceptedStatuses: [200],
      rejectedStatuses: [401],
      attempts: 3,
      timeoutMs: 5_000,
      clockSkewSeconds: 60,
    },
  };
}

/** What each instance said before the cut-over of the canary, and of a forged token with the same kid. */
export function acceptedBefore(instance: string): Baseline {
  const accepted = { kind: "accepted", status: 200 } as const;
  const rejected = { kind: "rejected", status: 401 } as const;
  return {
    instance,
    verdicts: [{ kid: retiredKid, verdict: accepted, forged: { verdict: rejected } }],
  };
}

async function mintLocally(
  key: Parameters<SignJWT["sign"]>[0],
  kid: string,
  expiresIn: number,
): Promise<MintedToken> {
  const [jti, exp] = [crypto.randomUUID(), Math.floor(Date.now() / 1_000) + expiresIn];
  const token = await new SignJWT({ ...keycloakClaims, jti, iat: exp - hour, exp })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", kid })
    .sign(key);
  return { token, kid, algorithm: "RS256", jti, expiresAt: new Date(exp * 1_000).toISOString() };
}

/** Claims of the kind and size that Keycloak gives a service account. */
const keycloakClaims: JWTPayload = {
  iss: "https://sso.example.com/realms/bench",
  aud: ["shop-api", "account"],
  sub: "0b0f1c1e-6c7e-4f3e-9a50-7a8a1f2f6d11",
  typ: "Bearer",
  azp: "jwks-break-glass-probe-rs256",
  acr: "1",
  realm_access: { roles: ["default-roles-bench", "offline_access", "uma_authorization", "api-user"] },
  resource_access: { account: { roles: ["manage-account", "manage-account-links", "view-profile"] } },
  scope: "openid email profile",
  email_verified: false,
  clientHost: "10.0.0.1",
  preferred_username: "service-account-jwks-break-glass-probe-rs256",
  clientAddress: "10.0.0.1",
  client_id: "jwks-break-glass-probe-rs256",
};
