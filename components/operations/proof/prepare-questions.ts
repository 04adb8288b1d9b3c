import { decodeJwt } from "jose";
import { RotationError } from "../base/errors.ts";
import type { Canary, MintedToken } from "../canaries/canary.ts";
import { forgersKey, forgeTokens } from "../canaries/forged-tokens.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import type { ProbeClients } from "../canaries/probe-clients.ts";
import { mintToken } from "../canaries/tokens.ts";
import { type Discovery, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { AskableRow, LedgerRow } from "./ledger/rows.ts";
import { isPairLive } from "./live-token.ts";
import type { Questions, ShortLivedToken } from "./questions.ts";
import { liveControls, readNotBefore, twinOf } from "./twins.ts";
import type { VerificationRequest } from "./verification-request.ts";

/** Mints and forges the tokens that every instance is asked about. */
export async function prepareQuestions(
  admin: KeycloakAdmin,
  { tokenEndpoint, jwksUri, probes }: Discovery & { probes: ProbeClients },
  request: VerificationRequest,
): Promise<Questions> {
  const { fleet, rows, retired, passive, newKids } = request;
  for (const { algorithm } of probes.clients) forgersKey(algorithm);
  const canaries = withTokens(retired);
  const [jwks, askable, expired, ...fresh] = await Promise.all([
    readJwks(admin, jwksUri),
    askableRows(admin, request, canaries),
    mintToken(admin, tokenEndpoint, probes.expired).then(shortLived),
    ...probes.clients.map((client) => mintToken(admin, tokenEndpoint, client)),
  ]);
  return {
    fleet,
    expectation: {
      present: [...newKids, ...passive.map(({ kid }) => kid)],
      absent: rows.filter(({ isTrustedAgain }) => !isTrustedAgain).map(({ kid }) => kid),
    },
    rows: askable,
    controls: [...new Set(askable.flatMap(({ control }) => control ?? []))],
    passive: canaries.filter(({ kid }) => passive.some((key) => key.kid === kid)),
    fresh,
    forged: await forgeTokens(fresh, jwks),
    expired,
  };
}

/** Each dead key with its canary tokens, where they have not expired, and their twin. */
async function askableRows(
  admin: KeycloakAdmin,
  { rows, retired, fleet: { probe } }: VerificationRequest,
  canaries: readonly Canary[],
): Promise<AskableRow[]> {
  const isNeeded = ({ kid }: Canary) =>
    rows.some((row) => row.kid === kid && row.standing !== "acknowledged" && !row.isTrustedAgain);
  const needed = canaries.filter(isNeeded);
  if (needed.length === 0) return rows.map((row) => withCanary(row, undefined, probe));
  const notBefore = await readNotBefore(admin);
  const controls = liveControls(retired.controls, probe);
  return rows.map((row) => {
    const canary = needed.find(({ kid }) => kid === row.kid);
    return { ...withCanary(row, canary, probe), control: canary && twinOf(canary, controls, notBefore) };
  });
}

function withCanary(
  row: LedgerRow,
  canary: Canary | undefined,
  probe: VerificationRequest["fleet"]["probe"],
): AskableRow {
  if (!canary) return row;
  if (isPairLive(canary, probe)) return { ...row, canary };
  const { seen, unseen } = canary;
  return { ...row, expiredAt: [seen.expiresAt, unseen.expiresAt].toSorted()[0] };
}

/** Longer than any token of the probe client for expired tokens lives, in seconds. */
const longestWait = 60;

/** A token with its end by our own clock. */
export function shortLived(minted: MintedToken): ShortLivedToken {
  const { iat = 0, exp = 0 } = decodeJwt(minted.token);
  if (exp - iat > longestWait) throw notExpired(exp - iat);
  return { ...minted, expiresHere: Date.now() + (exp - iat) * 1_000 };
}

function notExpired(seconds: number): RotationError {
  return new RotationError(
    "TOKEN_NOT_MINTED",
    `asked for an expired token, but Keycloak minted one that lives for ${seconds} s`,
    { nextStep: "find out what sets the access token lifespan of client jwks-break-glass-probe-expired" },
  );
}
