import { messageOf, RotationError } from "../base/errors.ts";
import { within } from "../base/within.ts";
import type { Canary } from "../canaries/canary.ts";
import { mintPair, withoutTokens } from "../canaries/mint-canaries.ts";
import { type OpenTarget, openTargets, unclearIn } from "../fleet/targets.ts";
import { hurriedMs } from "../keycloak/hurry.ts";
import { discover, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listSigningKeys, type RealmKey } from "../keys/realm-keys.ts";
import { retiringKeys } from "../keys/retiring-keys.ts";
import { askEveryInstance } from "./baseline.ts";
import type { CanaryFindings, CanaryRequest, CanaryResult } from "./canary-findings.ts";
import { refuseGaps, refuseRejected, unknownEverywhere } from "./judge-baseline.ts";
import { keptCanary, keptProof, mergeBaselines, refusedKept, withVerdicts } from "./kept-proof.ts";
import { describeMistakes, lookAround, patienceMs, refuseMistakes } from "./look-around.ts";

/**
 * Mints two canary tokens with each signing key that the rotation will retire, or takes those kept from an earlier run,
 * and asks every instance for its verdict on the first of them while the key is still trusted. An instance that rejects
 * one is refreshed and asked again.
 *
 * In an emergency nothing of this stops the run: what has not answered by the deadline, what was refused and what could
 * not be minted is among the findings, and makes the verification red.
 *
 * @throws {RotationError} outside an emergency: ALGORITHM_NOT_COVERED for a key that no probe client can mint with;
 *   BASELINE_INCOMPLETE when an instance does not answer;
 *   BASELINE_REJECTED when instances answer and none accepts: the probe is wrong and would prove nothing;
 *   NO_INSTANCES when a target has none; a Kubernetes code when a cluster refuses us. Any Keycloak code
 */
export async function prepareProof(admin: KeycloakAdmin, request: CanaryRequest): Promise<CanaryResult> {
  const { fleet, kept } = request;
  const targets = await openTargets(fleet.targets);
  const looking = lookAround(fleet.targets, targets, leftMs(request));
  looking.catch(() => undefined);
  const first = await mintAll(admin, request);
  if (request.mode !== "emergency") refuseMistakes(await looking);
  // In an emergency a cluster that does not answer takes no time from the instances of others.
  const [{ minted, asked }, look] = await Promise.all([showAround(admin, request, targets, first), looking]);
  const { realm, retiring, canaries, borrowedAt, unminted } = minted;
  const { keysBefore, keysBeforeAt, jwksBefore } = realm;
  const unclear = request.mode === "emergency" ? [] : await unclearIn(fleet.targets);
  const proving = provingOnly(request, retiring, canaries, {
    ...asked,
    notAsked: [...unclear, ...asked.notAsked],
  });
  const { tokens, canaries: earlier, baseline: known, ...lost } = keptProof(keysBefore, kept);
  return {
    tokens: { ...tokens, ...tokensOf(proving.canaries) },
    findings: {
      canaries: [...proving.canaries.map(withoutTokens), ...earlier],
      keysBefore,
      keysBeforeAt,
      jwksBefore,
      baseline: mergeBaselines([...proving.baseline, ...known]),
      notAsked: [...new Set([...describeMistakes(look), ...asked.notAsked])],
      ...(unminted.length > 0 ? { unminted } : {}),
      ...(request.deadlineAt === undefined ? {} : { deadlineAt: new Date(request.deadlineAt).toISOString() }),
      baselineSkipped: canaries.length > 0 && isSilent(asked),
      ...lost,
      ...(borrowedAt === undefined ? {} : { borrowedAt }),
    },
  };
}

type Minted = Awaited<ReturnType<typeof mintAll>>;

/** What a second round of minting and asking takes at least, in milliseconds. */
const secondRoundMs = 1_000;

/**
 * Asks every instance about the canary tokens. Kept ones that an instance refuses may be of before the API wanted another
 * audience or role: while their keys can still mint, they are minted anew, and asked about, where there is time.
 */
async function showAround(
  admin: KeycloakAdmin,
  request: CanaryRequest,
  targets: readonly OpenTarget[],
  first: Minted,
): Promise<{ minted: Minted; asked: Asked }> {
  const asked = await askEveryInstance(targets, request, first.canaries);
  const refused = refusedKept(request.kept, asked.baseline);
  const { deadlineAt = Number.POSITIVE_INFINITY } = request;
  if (refused.length === 0 || Date.now() + secondRoundMs > deadlineAt) return { minted: first, asked };
  const isRefused = ({ kid }: { kid: string }) => refused.includes(kid);
  const again = await canariesFor(
    admin,
    { ...request, kept: undefined },
    first.realm,
    first.retiring.filter(isRefused),
  );
  const { baseline } = await askEveryInstance(targets, request, again.canaries);
  const others = first.canaries.filter((canary) => !isRefused(canary));
  return {
    minted: {
      ...first,
      canaries: [...others, ...again.canaries],
      borrowedAt: again.borrowedAt ?? first.borrowedAt,
      unminted: [...first.unminted, ...again.unminted],
    },
    asked: { ...asked, baseline: withVerdicts(asked.baseline, baseline, refused) },
  };
}

type Asked = Pick<CanaryFindings, "baseline" | "notAsked">;

function leftMs({ deadlineAt }: CanaryRequest): number {
  return deadlineAt === undefined ? patienceMs : Math.max(1, deadlineAt - Date.now());
}

async function mintAll(admin: KeycloakAdmin, request: CanaryRequest) {
  const realm = await readRealmBefore(admin, request);
  const retiring = retiringKeys(realm.keysBefore, request);
  return { realm, retiring, ...(await canariesFor(admin, request, realm, retiring)) };
}

interface RealmBefore extends Pick<CanaryFindings, "keysBefore" | "keysBeforeAt" | "jwksBefore"> {
  tokenEndpoint: string;
}

async function readRealmBefore(admin: KeycloakAdmin, request: CanaryRequest): Promise<RealmBefore> {
  const { mode } = request;
  const [keys, published] = await Promise.all([
    readKeys(admin),
    mode === "emergency" ? readWhatIsPublished(admin, leftMs(request)) : readPublished(admin),
  ]);
  return { ...keys, ...published };
}

type Published = Pick<RealmBefore, "tokenEndpoint" | "jwksBefore">;

/** In an emergency a public URL that can't be read from here costs a page of the evidence, not the kill. */
async function readWhatIsPublished(admin: KeycloakAdmin, ms: number): Promise<Published> {
  const unread = {
    tokenEndpoint: `${admin.realmUrl}/protocol/openid-connect/token`,
    jwksBefore: { keys: [] },
  };
  try {
    return (await within(Math.min(ms, hurriedMs), readPublished(admin))) ?? unread;
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return unread;
  }
}

async function readKeys(admin: KeycloakAdmin): Promise<Pick<RealmBefore, "keysBefore" | "keysBeforeAt">> {
  const keysBefore = await listSigningKeys(admin);
  return { keysBefore, keysBeforeAt: new Date().toISOString() };
}

async function readPublished(admin: KeycloakAdmin): Promise<Published> {
  const { tokenEndpoint, jwksUri } = await discover(admin);
  return { tokenEndpoint, jwksBefore: await readJwks(admin, jwksUri) };
}

/** One key after the other: each that does not sign has to be made the signer for a moment. */
async function canariesFor(
  admin: KeycloakAdmin,
  { kept, probeClients, mode, deadlineAt }: CanaryRequest,
  { tokenEndpoint, keysBefore }: RealmBefore,
  retiring: readonly RealmKey[],
): Promise<{ canaries: Canary[]; borrowedAt: string | undefined; unminted: string[] }> {
  const minter = { admin, tokenEndpoint, probeClients, deadlineAt };
  const canaries: Canary[] = [];
  const unminted: string[] = [];
  let borrowedAt = kept?.findings.borrowedAt;
  for (const key of retiring) {
    const known = keptCanary(key, kept);
    try {
      canaries.push(known ?? (await mintPair(minter, key, keysBefore)));
    } catch (error) {
      // A key whose death can't be proven is disabled regardless; the run is red at the end.
      if (mode !== "emergency" || !(error instanceof RotationError)) throw error;
      unminted.push(describeUnminted(key, error, deadlineAt));
    }
    if (!known && !key.signing) borrowedAt = new Date().toISOString();
  }
  return { canaries, borrowedAt, unminted };
}

function describeUnminted(
  { kid, algorithm }: RealmKey,
  error: RotationError,
  deadlineAt = Number.POSITIVE_INFINITY,
): string {
  const when = Date.now() >= deadlineAt ? " within emergency.budgetSeconds" : "";
  return `no canary token of kid ${kid} (${algorithm})${when}: ${messageOf(error)}`;
}

/** What is left of canary tokens and verdicts when those that can prove nothing are taken away. */
function provingOnly(
  { mode }: CanaryRequest,
  retiring: readonly RealmKey[],
  canaries: readonly Canary[],
  asked: Asked,
): { canaries: Canary[]; baseline: CanaryFindings["baseline"] } {
  const { baseline } = asked;
  const unknown = mode === "emergency" ? unknownEverywhere(retiring, baseline) : [];
  const isProving = ({ kid }: { kid: string }) => !unknown.includes(kid);
  const proving = canaries.filter(isProving);
  if (mode !== "emergency") {
    for (const { kid } of proving) refuseRejected(kid, baseline);
    refuseGaps(asked);
  }
  return {
    canaries: proving,
    baseline: baseline.map((one) => ({ ...one, verdicts: one.verdicts.filter(isProving) })),
  };
}

function isSilent({ baseline }: Pick<CanaryFindings, "baseline">): boolean {
  return baseline.every(({ verdicts }) => verdicts.every(({ verdict }) => verdict.kind === "inconclusive"));
}

function tokensOf(canaries: readonly Canary[]): Record<string, string> {
  const all = canaries.flatMap(({ seen, unseen }) => [seen, unseen]);
  return Object.fromEntries(all.map(({ jti, token }) => [jti, token]));
}
