import { decodeJwt, decodeProtectedHeader } from "jose";
import { z } from "zod";
import { RotationError } from "../base/errors.ts";
import type { HttpAnswer } from "../base/http.ts";
import type { CallOptions, KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { refusalReason } from "../keycloak/refusal-reason.ts";
import type { MintedToken } from "./canary.ts";

/** A confidential client whose service account mints tokens signed with one algorithm. */
export interface ProbeClient {
  algorithm: string;
  clientId: string;
  clientSecret: string;
}

const tokenAnswer = z.object({ access_token: z.string() });
const claims = z.looseObject({ jti: z.string(), exp: z.number() });

/**
 * Mints one access token by the client credentials grant (RFC 6749, 4.4), with the scope `openid`, which Keycloak's
 * userinfo endpoint asks for.
 *
 * @throws {RotationError} TOKEN_NOT_MINTED when Keycloak refuses
 */
export async function mintToken(
  admin: KeycloakAdmin,
  tokenEndpoint: string,
  client: ProbeClient,
  options: CallOptions = {},
): Promise<MintedToken> {
  const answer = await requestToken(admin, tokenEndpoint, client, { ...options, scope: "openid" });
  if (answer.status !== 200) throw notMinted(client, describeRefusal(answer));
  return describeToken(answer.body, client);
}

/**
 * Mints a token with the lifetime that its client asks for. Keycloak caps that at the SSO session's maximum, 10 h by
 * default, unless offline access is granted; without it, the capped token is used.
 *
 * @throws {RotationError} TOKEN_NOT_MINTED when Keycloak refuses
 */
export async function mintLongLivedToken(
  admin: KeycloakAdmin,
  tokenEndpoint: string,
  client: ProbeClient,
  options: CallOptions = {},
): Promise<MintedToken> {
  const scope = "openid offline_access";
  const answer = await requestToken(admin, tokenEndpoint, client, { ...options, scope });
  if (answer.status === 200) return describeToken(answer.body, client);
  return mintToken(admin, tokenEndpoint, client, options);
}

function requestToken(
  admin: KeycloakAdmin,
  tokenEndpoint: string,
  client: ProbeClient,
  { scope, ...options }: CallOptions & { scope: string },
) {
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: client.clientId,
    client_secret: client.clientSecret,
    scope,
  });
  return admin.fetchPublic(tokenEndpoint, { ...options, form });
}

function describeToken(body: string, client: ProbeClient): MintedToken {
  const { token, kid, alg, jti, exp } = decodeAnswer(body, client);
  if (kid === undefined || alg !== client.algorithm) {
    throw notMinted(client, `a token signed with ${alg ?? "nothing"}`);
  }
  return { token, kid, algorithm: alg, jti, expiresAt: new Date(exp * 1000).toISOString() };
}

/** An unreadable answer is reported without its cause, which may quote the answer and so a token. */
function decodeAnswer(body: string, client: ProbeClient) {
  try {
    const { access_token: token } = tokenAnswer.parse(JSON.parse(body));
    const { kid, alg } = decodeProtectedHeader(token);
    return { token, kid, alg, ...claims.parse(decodeJwt(token)) };
  } catch {
    throw notMinted(client, "something that is not a JWT");
  }
}

/** With Keycloak's own reason: it names the policy, the role or the setting that is in the way. */
function describeRefusal({ status, body }: HttpAnswer): string {
  const reason = refusalReason(body);
  return `HTTP ${status}${reason === "" ? "" : ` (${reason})`}`;
}

function notMinted(client: ProbeClient, what: string): RotationError {
  return new RotationError(
    "TOKEN_NOT_MINTED",
    `asked for a ${client.algorithm} token for client ${client.clientId}, Keycloak answered ${what}`,
    {
      nextStep: "check that client in Keycloak's console (enabled, service accounts on, secret unchanged)",
    },
  );
}
