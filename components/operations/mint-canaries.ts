import { RotationError } from "./errors.ts";
import { type Identity, identity, type OpenInstance } from "./instances.ts";
import { type Discovery, discover, type PublishedJwks, readJwks } from "./jwks.ts";
import { type CarriedCanaries, keepOf, withTokens } from "./kept-canaries.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";
import { isUntried, type Mode, rollbackSigners, type Stage } from "./plan-cutover.ts";
import { describeVerdict, type ProbeSettings, probe, type Verdict } from "./probes.ts";
import { isTrusted, listSigningKeys, type RealmKey, rotationOf, updateKeyComponent } from "./realm-keys.ts";
import { type RefreshSettings, refreshInstance } from "./refresh.ts";
import { progressOf } from "./run-phase.ts";
import type { SideBySide } from "./side-by-side.ts";
import { sweep } from "./sweep.ts";
import { readyTimeoutMs as longestWait, type OpenTarget, openTargets, type Target } from "./targets.ts";
import { type MintedToken, mintLongLivedToken, type ProbeClient } from "./tokens.ts";

/** Real tokens signed by a key that is about to retire: one that every instance sees before the cut-over, one that none does. */
export interface Canary {
  kid: string;
  algorithm: string;
  seen: MintedToken;
  unseen: MintedToken;
}

/** What one instance said of each canary before the cut-over. */
export interface Baseline extends Identity {
  instance: string;
  verdicts: { kid: string; verdict: Verdict }[];
}

export interface CanaryRequest {
  /** Named in lines of progress, where it has several realms. */
  run?: SideBySide;
  rotation: number;
  mode: Mode;
  /** Default: `final`. */
  stage?: Stage;
  exemptKeys: string[];
  targets: Target[];
  probe: ProbeSettings;
  refresh: RefreshSettings;
  /** Secret. Those that instances may have. */
  refreshTokens: string[];
  /** One client for each algorithm. */
  probeClients: ProbeClient[];
  /** Canaries of an earlier run: those that still live are shown again. Default: none. */
  kept?: (CanaryResult & { rotation: number }) | undefined;
}

/** What may be said of a canary in public. */
export interface CanaryReference {
  kid: string;
  algorithm: string;
  seen: { jti: string; expiresAt: string };
  unseen: { jti: string; expiresAt: string };
}

/** What was found before anything was changed. Holds no secret. */
export interface CanaryFindings {
  canaries: CanaryReference[];
  keysBefore: RealmKey[];
  /** ISO 8601 UTC. */
  keysBeforeAt: string;
  jwksBefore: PublishedJwks;
  baseline: Baseline[];
  /** Targets that could not be looked at, and pods that were not ready: a sentence each. */
  notAsked: string[];
  /** True where no instance answered at all: nothing can be proven by replay, and the run goes on to kill the key. */
  baselineSkipped: boolean;
  /** Of keys that were about to be retired by a run before this one, and are not trusted any more. Default: none. */
  carried?: CarriedCanaries[];
  /** When a key that does not sign was last made the signer to mint its canary, ISO 8601 UTC. */
  borrowedAt?: string;
}

export interface CanaryResult {
  /** Secret: the tokens of the canaries by their `jti`. */
  tokens: Record<string, string>;
  findings: CanaryFindings;
}

/**
 * Mints two canaries with each signing key that the rotation will retire, or takes those kept from an earlier run, and
 * asks every instance for its verdict on the first of them, while the key is still trusted. An instance that rejects
 * one is refreshed and asked again.
 *
 * @throws {RotationError} ALGORITHM_NOT_COVERED for a key that no probe client can mint with;
 *   BASELINE_INCOMPLETE when an instance does not answer, and there is no emergency;
 *   BASELINE_REJECTED when instances answer and none accepts, because then the probe is wrong and would prove nothing;
 *   NO_INSTANCES when a target has none; a Kubernetes code when a cluster refuses us
 */
export async function mintCanaries(admin: KeycloakAdmin, request: CanaryRequest): Promise<CanaryResult> {
  const targets = await openTargets(request.targets);
  const isAnyReady = await lookAround(request.targets, targets);
  const [discovery, keysBefore] = [await discover(admin), await listSigningKeys(admin)];
  const keysBeforeAt = new Date().toISOString();
  const jwksBefore = await readJwks(admin, discovery.jwksUri);
  const retiring = retiringKeys(keysBefore, request);
  const canaries: Canary[] = [];
  let borrowedAt = request.kept?.findings.borrowedAt;
  for (const key of retiring) {
    const kept = keptCanary(key, request.kept);
    canaries.push(kept ?? (await mintPair(admin, discovery, key, keysBefore, request)));
    if (!kept && !key.signing) borrowedAt = new Date().toISOString();
  }
  const { baseline, notAsked } = await askEveryInstance(targets, request, canaries, isAnyReady);
  const verdicts = baseline.flatMap((one) => one.verdicts.map(({ verdict }) => verdict.kind));
  const doubtful = request.mode === "emergency" ? unknownEverywhere(canaries, retiring, baseline) : [];
  for (const { kid } of canaries) if (!doubtful.includes(kid)) refuseRejected(kid, baseline);
  const baselineSkipped = canaries.length > 0 && verdicts.every((kind) => kind === "inconclusive");
  if (request.mode !== "emergency") refuseGaps(baseline, notAsked);
  const proving = canaries.filter(({ kid }) => !doubtful.includes(kid));
  const references = proving.map(withoutTokens);
  const carried = carriedOver(keysBefore, request.kept);
  return {
    tokens: {
      ...keepOf(
        carried.flatMap((one) => one.canaries),
        request.kept?.tokens ?? {},
      ).canaryTokens,
      ...Object.fromEntries(
        proving.flatMap(({ seen, unseen }) => [seen, unseen]).map(({ jti, token }) => [jti, token]),
      ),
    },
    findings: {
      canaries: references,
      keysBefore,
      keysBeforeAt,
      jwksBefore,
      baseline: baseline.map((one) => ({
        ...one,
        verdicts: one.verdicts.filter(({ kid }) => !doubtful.includes(kid)),
      })),
      notAsked,
      baselineSkipped,
      ...(carried.length > 0 ? { carried } : {}),
      ...(borrowedAt === undefined ? {} : { borrowedAt }),
    },
  };
}

function withoutTokens({ kid, algorithm, seen, unseen }: Canary): CanaryReference {
  const reference = ({ jti, expiresAt }: MintedToken) => ({ jti, expiresAt });
  return { kid, algorithm, seen: reference(seen), unseen: reference(unseen) };
}

/**
 * Enabled signing keys that are neither exempt nor to sign after the cut-over; signers first, so that borrowing comes
 * last.
 */
function retiringKeys(
  keys: readonly RealmKey[],
  { rotation, mode, stage = "final", exemptKeys }: CanaryRequest,
): RealmKey[] {
  const isFresh = ({ componentName }: RealmKey) => rotationOf(componentName) === rotation;
  const back = mode === "rollback" ? rollbackSigners(keys, exemptKeys, isFresh) : [];
  const staysSigner = (key: RealmKey) => (mode === "rollback" ? back.includes(key) : isFresh(key));
  return (
    keys
      .filter(isTrusted)
      .filter((key) => !exemptKeys.includes(key.componentName) && !staysSigner(key))
      // To mint with it, it would have to sign, and instances that were never told of it would refuse its users. When its
      // turn comes to be retired, they have been.
      .filter((key) => mode === "emergency" || stage === "final" || !isUntried(key))
      .toSorted((a, b) => Number(b.signing) - Number(a.signing))
  );
}

/**
 * A run that was killed after it had disabled a key, and was not followed by the same `up`, has proven nothing: what it
 * had minted can still do that.
 */
function carriedOver(keys: readonly RealmKey[], kept: CanaryRequest["kept"]): CarriedCanaries[] {
  if (!kept) return [];
  const { rotation, findings } = kept;
  const trusted = keys.filter(isTrusted).map(({ kid }) => kid);
  const isUsable = (canary: CanaryReference) => !trusted.includes(canary.kid) && livesOn(canary);
  return [...(findings.carried ?? []), { rotation, canaries: findings.canaries, baseline: findings.baseline }]
    .map((one) => ({ ...one, canaries: one.canaries.filter(isUsable) }))
    .filter(({ canaries }) => canaries.length > 0);
}

/** What is left of a canary's life must do for a whole run, restarts included. */
const keptMarginMs = 1_800_000;

function livesOn({ seen, unseen }: Pick<CanaryReference, "seen" | "unseen">): boolean {
  const soon = new Date(Date.now() + keptMarginMs).toISOString();
  return seen.expiresAt > soon && unseen.expiresAt > soon;
}

/** A key's canary from an earlier run, where it will live long enough. */
function keptCanary({ kid }: RealmKey, kept: CanaryResult | undefined): Canary | undefined {
  if (!kept) return undefined;
  return withTokens({ canaries: kept.findings.canaries, canaryTokens: kept.tokens }).find(
    (canary) => canary.kid === kid && livesOn(canary),
  );
}

async function mintPair(
  admin: KeycloakAdmin,
  { tokenEndpoint }: Discovery,
  key: RealmKey,
  keys: readonly RealmKey[],
  { probeClients }: CanaryRequest,
): Promise<Canary> {
  const client = probeClients.find(({ algorithm }) => algorithm === key.algorithm);
  if (!client) throw notCovered(key);
  const mint = async () => {
    const token = await mintLongLivedToken(admin, tokenEndpoint, client);
    if (token.kid === key.kid) return token;
    throw new RotationError(
      "TOKEN_NOT_MINTED",
      `asked for a token of key ${key.kid}, Keycloak signed with ${token.kid}`,
      {
        nextStep: "look for someone else changing the realm's keys, then run the same up again",
      },
    );
  };
  const mintBoth = async () => ({ seen: await mint(), unseen: await mint() });
  const pair = key.signing ? await mintBoth() : await borrowSigner(admin, key, keys, mintBoth);
  return { kid: key.kid, algorithm: key.algorithm, ...pair };
}

/**
 * Makes a trusted key that is not its algorithm's signer the signer for as long as it takes to mint with it.
 * Only the signer can mint, and a retired key without a canary could never be proven dead. Its tokens are accepted
 * before, during and after, and the cut-over that follows ends it in any case.
 */
async function borrowSigner<T>(
  admin: KeycloakAdmin,
  key: RealmKey,
  keys: readonly RealmKey[],
  work: () => Promise<T>,
): Promise<T> {
  const priority = Math.max(...keys.map((other) => other.priority)) + 1;
  await updateKeyComponent(admin, key.componentId, { active: true, priority });
  try {
    return await work();
  } finally {
    await updateKeyComponent(admin, key.componentId, {
      active: key.status === "ACTIVE",
      priority: key.priority,
    });
  }
}

/** Before the key is dead, no time is to be lost on a cluster that does not answer. */
const patienceMs = 5_000;
const firstPodMs = 15_000;

/**
 * A target without any pod is a mistake in the config, and so is one whose cluster refuses us. One that does not
 * answer is not: the key must die all the same, and the run will be red.
 *
 * @returns whether any instance is ready
 */
async function lookAround(targets: readonly Target[], opened: readonly OpenTarget[]): Promise<boolean> {
  const rosters = await Promise.all(
    opened.map(({ list }) => list(patienceMs).catch((error: unknown) => silence(error))),
  );
  const empty = targets.filter((target, index) => {
    const roster = rosters[index];
    return target.kind === "kubernetes" && roster && roster.ready.length + roster.waiting.length === 0;
  });
  if (empty.length === 0) return rosters.some((roster) => roster && roster.ready.length > 0);
  const what = empty.map((target) =>
    target.kind === "kubernetes"
      ? `${target.name} (selector ${target.selector} in namespace ${target.namespace})`
      : target.name,
  );
  throw new RotationError(
    "NO_INSTANCES",
    `no pod is found in target ${what.join(", ")}; nothing was rotated`,
    {
      nextStep: "mend the target's namespace and selector, or take it out of instances",
    },
  );
}

function silence(error: unknown): undefined {
  if (error instanceof RotationError && error.code === "KUBERNETES_UNREACHABLE") return undefined;
  throw error;
}

async function askEveryInstance(
  targets: readonly OpenTarget[],
  request: CanaryRequest,
  canaries: readonly Canary[],
  isAnyReady: boolean,
): Promise<Pick<CanaryFindings, "baseline" | "notAsked">> {
  const { concurrency } = request.refresh;
  // Where no pod is ready, they may just be starting. Else a stolen key does not live on for those that are not.
  const hurriedMs = isAnyReady ? 0 : firstPodMs;
  const readyTimeoutMs = request.mode === "emergency" ? hurriedMs : longestWait(request.targets);
  const progress = progressOf("canary", request.run);
  const { results, waiting, failures } = await sweep(
    targets,
    { concurrency, readyTimeoutMs, patienceMs, progress },
    (instance) => askForBaseline(instance, request, canaries),
  );
  const notAsked = [
    ...failures.map(({ error }) => error.message),
    ...waiting.map(({ name, pod }) => `${name} was not ready before the cut-over (${pod?.notReady})`),
  ];
  return { baseline: results.map(({ value }) => value), notAsked };
}

/**
 * Asks one instance for its verdict on each canary, while their keys are still trusted.
 * @param canaries of each, the token that instances see
 */
export async function askForBaseline(
  instance: OpenInstance,
  request: Pick<CanaryRequest, "probe" | "refresh" | "refreshTokens">,
  canaries: readonly SeenCanary[],
): Promise<Baseline> {
  const who = { instance: instance.name, ...identity(instance) };
  const verdicts = await askAbout(instance, request, canaries);
  if (!verdicts.some(({ verdict }) => verdict.kind === "rejected")) return { ...who, verdicts };
  // It may not have fetched a young key yet; a key that it never trusted could not be proven to have died there.
  const present = canaries.map(({ kid }) => kid);
  await refreshInstance(instance, request.refresh, request.refreshTokens, { present, absent: [] });
  return { ...who, verdicts: await askAbout(instance, request, canaries) };
}

/** As much of a canary as the baseline needs. */
export interface SeenCanary {
  kid: string;
  seen: { token: string };
}

async function askAbout(
  instance: OpenInstance,
  request: Pick<CanaryRequest, "probe">,
  canaries: readonly SeenCanary[],
): Promise<Baseline["verdicts"]> {
  const verdicts: Baseline["verdicts"] = [];
  for (const { kid, seen } of canaries) {
    verdicts.push({ kid, verdict: await probe(instance, request.probe, seen.token) });
  }
  return verdicts;
}

function notCovered({ kid, algorithm, componentName }: RealmKey): RotationError {
  return new RotationError(
    "ALGORITHM_NOT_COVERED",
    `key ${kid} (${componentName}) signs ${algorithm}, which is not in algorithms, so its death could not be proven`,
    { nextStep: `add ${algorithm} to algorithms, or ${componentName} to exemptKeys if it must stay trusted` },
  );
}

/** Where instances answer and none accepts a key's canary, the probe is wrong, and a rejection later would prove nothing. */
/**
 * Keys that no user has a token of, and that no instance accepts, since none was ever told of them: they keep no stolen
 * key alive, and are left without a canary.
 */
function unknownEverywhere(
  canaries: readonly Canary[],
  keys: readonly RealmKey[],
  baseline: readonly Baseline[],
): string[] {
  const isUnknown = (kid: string) =>
    keys.some((key) => key.kid === kid && isUntried(key)) &&
    !baseline.some(({ verdicts }) =>
      verdicts.some((one) => one.kid === kid && one.verdict.kind === "accepted"),
    );
  return canaries.map(({ kid }) => kid).filter(isUnknown);
}

function refuseRejected(kid: string, baseline: readonly Baseline[]): void {
  const kindOf = ({ verdicts }: Baseline) => verdicts.find((one) => one.kid === kid)?.verdict.kind;
  const rejecting = baseline.filter((one) => kindOf(one) === "rejected").map(({ instance }) => instance);
  if (rejecting.length === 0 || baseline.some((one) => kindOf(one) === "accepted")) return;
  throw new RotationError(
    "BASELINE_REJECTED",
    `no instance accepts a valid token of kid ${kid} (rejected by ${listNames(rejecting)}), so a rejection later would prove nothing`,
    {
      nextStep:
        "set probe.audience, probe.realmRoles and probe.path to what the API demands; nothing was rotated",
    },
  );
}

/** Without an emergency there is time to mend what does not answer, so nothing is left to be unproven. */
function refuseGaps(baseline: readonly Baseline[], notAsked: readonly string[]): void {
  const gaps = baseline.flatMap(({ instance, verdicts }) =>
    verdicts
      .filter(({ verdict }) => verdict.kind !== "accepted")
      .slice(0, 1)
      .map(({ kid, verdict }) => `${instance} on kid ${kid}: ${describeVerdict(verdict)}`),
  );
  const all = [...notAsked, ...gaps];
  if (all.length === 0) return;
  throw new RotationError(
    "BASELINE_INCOMPLETE",
    `not every instance accepts a valid token now (${listNames(all)})`,
    {
      nextStep:
        "repair what is named or take it out of instances, then run the same up again; no key was changed",
    },
  );
}

/** Up to five names and how many more there are. */
export function listNames(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return `${names.slice(0, 5).join(", ")}${more}`;
}
