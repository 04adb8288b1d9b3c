import { decodeJwt } from "jose";
import { messageOf, RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { redactor } from "../base/redact.ts";
import { printable, progressOf } from "../base/report.ts";
import type { SideBySide } from "../base/side-by-side.ts";
import type { Canary, CanaryReference, KeptCanaries, MintedToken } from "../canaries/canary.ts";
import { forgeTokens } from "../canaries/forged-tokens.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import { mintToken, type ProbeClient } from "../canaries/tokens.ts";
import { type Identity, type Instance, idOf, instanceId } from "../fleet/instances.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import { type Startup, startupAfter } from "../fleet/read-startup.ts";
import type { RefreshSettings } from "../fleet/refresh.ts";
import { describeFailedRestart, type RestartResult, type RestartSettings } from "../fleet/restart.ts";
import { applyOrders, type StandingOrders } from "../fleet/standing-orders.ts";
import { emptyTargets, type Sweep, sweep } from "../fleet/sweep.ts";
import { type OpenTarget, openTargets, readyTimeoutMs, type Target } from "../fleet/targets.ts";
import { type Discovery, discover, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { PassiveKey, RetiredKey } from "../keys/cut-over.ts";
import { isTrusted, listSigningKeys } from "../keys/realm-keys.ts";
import type { Baseline } from "./canary-findings.ts";
import { describeVerdict, type Verdict, verdictOf } from "./probe.ts";
import {
  type DenyListProof,
  type DenyListQuestion,
  type DenyListResult,
  proveDenyList,
} from "./prove-deny-list.ts";
import {
  type InstanceVerification,
  isLive,
  type Questions,
  type ShortLivedToken,
  verifyInstance,
} from "./verify-instance.ts";

export interface VerificationRequest {
  /** Named in lines of progress, where it has several realms. */
  run?: SideBySide;
  targets: Target[];
  probe: ProbeSettings;
  refresh: RefreshSettings;
  restart: Pick<RestartSettings, "bootstrapPattern">;
  /** Secret. Those that instances may have. */
  apiRefreshTokens: string[];
  probeClients: ProbeClient[];
  /** A client whose tokens live for a second. */
  expiredClient: ProbeClient;
  /** Kids of this rotation's keys. */
  newKids: string[];
  retired: RetiredKey[];
  /** Keys that no longer sign and are still trusted. */
  passive: PassiveKey[];
  canaries: CanaryReference[];
  /** Secret: the canaries' tokens by their `jti`. */
  canaryTokens: Record<string, string>;
  /** Secret. Canaries of keys that rotations before this one have retired, whose verification was never green. */
  earlier?: KeptCanaries;
  /** Every instance's verdict before the cut-over. */
  baseline: Baseline[];
  /** What was restarted for this rotation. */
  restarts: RestartResult[];
  /** When the last retired key was dead, ISO 8601 UTC. */
  retiredAt: string;
  /** What was done beside the rotation of the signing keys. */
  beside: Beside;
}

export interface Beside {
  /** What of it failed, a sentence each. */
  failures: string[];
  /** What instances have to know that have come since. */
  orders: StandingOrders;
  /** How an administrator is asked about, where the deny-list is to be proven. */
  denyList?: Pick<DenyListQuestion, "denyListPath" | "probe" | "identity">;
}

/** What the issuer's own userinfo endpoint says of a retired key's canary. */
export interface IssuerCheck {
  kid: string;
  jti: string;
  verdict: Verdict;
  ok: boolean;
}

export interface VerificationResult {
  verified: boolean;
  /** ISO 8601 UTC. */
  startedAt: string;
  /** ISO 8601 UTC. */
  finishedAt: string;
  fresh: { kid: string; algorithm: string; jti: string }[];
  issuer: IssuerCheck[];
  instances: InstanceVerification[];
  /** Pods that were verified and had ended before the last look. */
  departed: string[];
  /** Where the deny-list was to be proven. */
  denyList?: DenyListProof[];
  /** Targets that could not be looked at or have no instance, a sentence each. */
  unseen: string[];
  /** Everything that keeps the rotation from being verified, a sentence each. */
  failures: string[];
}

/**
 * Verifies a rotation at the issuer and on every instance. It does not throw: a failure is a result, which stays in
 * the state until a later verification passes.
 *
 * @param previous an earlier result of the same rotation: instances proven then keep the time of their proof
 */
export async function verifyRotation(
  admin: KeycloakAdmin,
  request: VerificationRequest,
  previous: readonly InstanceVerification[] = [],
): Promise<VerificationResult> {
  const startedAt = new Date().toISOString();
  try {
    const outcome = await questionAll(admin, request, previous);
    const verified = outcome.failures.length === 0;
    return { verified, startedAt, finishedAt: new Date().toISOString(), ...outcome };
  } catch (error) {
    const failures = [messageOf(error)];
    const finishedAt = new Date().toISOString();
    return {
      verified: false,
      startedAt,
      finishedAt,
      fresh: [],
      issuer: [],
      instances: previous.map(notAsked),
      departed: [],
      unseen: [],
      failures,
    };
  }
}

function notAsked(one: InstanceVerification): InstanceVerification {
  return { ...one, proof: "unproven", verified: false, reasons: ["was not asked in this run"] };
}

type Outcome = Pick<
  VerificationResult,
  "fresh" | "issuer" | "instances" | "departed" | "denyList" | "unseen" | "failures"
>;

async function questionAll(
  admin: KeycloakAdmin,
  request: VerificationRequest,
  previous: readonly InstanceVerification[],
): Promise<Outcome> {
  const discovery = await discover(admin);
  const questions = await prepare(admin, discovery, request);
  const [found, denyList] = await Promise.all([
    verifyEveryInstance(request, questions, previous),
    askDenyLists(admin, request),
  ]);
  const instances = found.results.map(({ value }) => value);
  const unseen = [
    ...found.failures.map(({ error }) => error.message),
    ...found.waiting.map(({ name }) => `${name} is not ready, and was not asked`),
    ...emptyTargets(
      request.targets,
      found.results.map(({ instance }) => instance),
      found.failures,
    ).map(({ name }) => `NO_INSTANCES: target ${name} has no instance to verify`),
  ];
  const issuer = await askIssuer(admin, discovery, request.probe, questions.canaries);
  return {
    fresh: questions.fresh.map(({ kid, algorithm, jti }) => ({ kid, algorithm, jti })),
    issuer,
    instances,
    departed: found.departed.map(({ name }) => name),
    ...(denyList ? { denyList: denyList.instances } : {}),
    unseen,
    failures: [
      ...unseen,
      ...wrongSigners(questions.fresh, request.newKids),
      ...issuer
        .filter(({ ok }) => !ok)
        .map(
          ({ kid, verdict }) =>
            `Keycloak's userinfo does not reject retired kid ${kid} (${describeVerdict(verdict)})`,
        ),
      ...instances
        .filter(({ verified }) => !verified)
        .map((one) => `${one.instance} ${one.reasons.join("; ")}`),
      ...request.beside.failures,
      ...(denyList?.failures ?? []),
    ],
  };
}

async function askDenyLists(
  admin: KeycloakAdmin,
  { targets, refresh, apiRefreshTokens, beside, run }: VerificationRequest,
): Promise<DenyListResult | undefined> {
  if (!beside.denyList) return undefined;
  const question = { targets, refresh, apiRefreshTokens, ...beside.denyList };
  return proveDenyList(admin, question, progressOf("verify", run));
}

async function verifyEveryInstance(
  request: VerificationRequest,
  questions: Questions,
  previous: readonly InstanceVerification[],
): Promise<Sweep<InstanceVerification>> {
  const targets = await openTargets(request.targets);
  const [baselineOf, previousOf] = [byId(request.baseline), byId(previous)];
  const startupOf = startups(targets, request, questions);
  const options = {
    concurrency: request.refresh.concurrency,
    readyTimeoutMs: readyTimeoutMs(request.targets),
    overdue: "ask" as const,
    progress: progressOf("verify", request.run),
  };
  return sweep(targets, options, async (instance) => {
    const id = instanceId(instance);
    const known = { baseline: baselineOf.get(id), previous: previousOf.get(id) };
    const { refresh, apiRefreshTokens, beside } = request;
    const untold = await applyOrders(instance, beside.orders, refresh, apiRefreshTokens);
    const asked = await verifyInstance(instance, questions, { ...known, startup: () => startupOf(instance) });
    return untold.length === 0
      ? asked
      : { ...asked, verified: false, reasons: [...asked.reasons, ...untold] };
  });
}

function byId<T extends Identity & { instance: string }>(list: readonly T[]): Map<string, T> {
  return new Map(list.map((one) => [idOf(one), one]));
}

/** What is known of an instance's start, where that was after the retired keys' death; else undefined. */
function startups(
  targets: readonly OpenTarget[],
  request: VerificationRequest,
  { fresh, canaries }: Questions,
) {
  const { restart, restarts, retiredAt, apiRefreshTokens } = request;
  const tokens = [...fresh, ...canaries.flatMap(({ seen, unseen }) => [seen, unseen])];
  const redact = redactor([...apiRefreshTokens, ...tokens.map(({ token }) => token)]);
  const look = { bootstrapPattern: restart.bootstrapPattern, redact };
  return (instance: Instance): Promise<Startup | undefined> =>
    startupAfter(targets, instance, { time: retiredAt, restarts }, look);
}

async function prepare(
  admin: KeycloakAdmin,
  { tokenEndpoint, jwksUri }: Discovery,
  request: VerificationRequest,
): Promise<Questions> {
  const expired = shortLived(await mintToken(admin, tokenEndpoint, request.expiredClient));
  const fresh = await Promise.all(
    request.probeClients.map((client) => mintToken(admin, tokenEndpoint, client)),
  );
  const retiredKids = request.retired.map(({ kid }) => kid);
  const kept = withTokens(request);
  const canaries = kept.filter(({ kid }) => retiredKids.includes(kid));
  const passive = kept.filter(({ kid }) => request.passive.some((key) => key.kid === kid));
  const earlier = await stillDead(admin, request);
  return {
    probe: request.probe,
    refresh: request.refresh,
    apiRefreshTokens: request.apiRefreshTokens,
    expectation: {
      present: [...request.newKids, ...request.passive.map(({ kid }) => kid)],
      absent: [...retiredKids, ...earlier.map(({ kid }) => kid)],
    },
    canaries,
    earlier,
    passive,
    withoutCanary: retiredKids.filter((kid) => !canaries.some((canary) => canary.kid === kid)),
    fresh,
    forged: await forgeTokens(fresh, await readJwks(admin, jwksUri)),
    expired,
  };
}

/** Canaries that can be asked about: their key has not been enabled again by anybody, and they have not expired. */
async function stillDead(
  admin: KeycloakAdmin,
  { earlier, probe }: Pick<VerificationRequest, "earlier" | "probe">,
): Promise<Canary[]> {
  const canaries = earlier ? withTokens(earlier) : [];
  if (canaries.length === 0) return [];
  const trusted = (await listSigningKeys(admin)).filter(isTrusted).map(({ kid }) => kid);
  return canaries.filter(
    ({ kid, seen, unseen }) => !trusted.includes(kid) && isLive(seen, probe) && isLive(unseen, probe),
  );
}

function shortLived(minted: MintedToken): ShortLivedToken {
  const { iat = 0, exp = 0 } = decodeJwt(minted.token);
  return { ...minted, expiresHere: Date.now() + (exp - iat) * 1_000 };
}

async function askIssuer(
  admin: KeycloakAdmin,
  { userinfoEndpoint }: Discovery,
  settings: ProbeSettings,
  canaries: readonly Canary[],
): Promise<IssuerCheck[]> {
  return Promise.all(
    canaries.map(async ({ kid, unseen }) => {
      const verdict = await askUserinfo(admin, userinfoEndpoint, settings, unseen);
      return { kid, jti: unseen.jti, verdict, ok: verdict.kind === "rejected" };
    }),
  );
}

/** Never throws: what the instances have just shown must not be lost because the issuer does not answer. */
async function askUserinfo(
  admin: KeycloakAdmin,
  userinfoEndpoint: string,
  settings: ProbeSettings,
  canary: MintedToken,
): Promise<Verdict> {
  try {
    const { status } = await admin.fetchPublic(userinfoEndpoint, {
      headers: { authorization: `Bearer ${canary.token}` },
    });
    if (!isLive(canary, settings))
      return { kind: "inconclusive", reason: `the token expires at ${canary.expiresAt}` };
    return verdictOf(status, { acceptedStatuses: [200], rejectedStatuses: [401] });
  } catch (error) {
    return { kind: "inconclusive", reason: messageOf(error), unanswered: true };
  }
}

function wrongSigners(fresh: readonly MintedToken[], newKids: readonly string[]): string[] {
  return fresh
    .filter(({ kid }) => !newKids.includes(kid))
    .map(
      ({ kid, algorithm }) =>
        `Keycloak signs ${algorithm} tokens with kid ${kid}, which is not this rotation's`,
    );
}

/**
 * The one error of a rotation that is not verified: which instances, why, and what to do.
 * @param restarts what was restarted to enforce it: those that failed come first
 */
export function verificationError(
  result: VerificationResult,
  reportPath: string,
  restarts: readonly RestartResult[] = [],
): RotationError {
  const names = result.instances.filter(({ verified }) => !verified).map(({ instance }) => instance);
  const who =
    names.length > 0 ? ` (${names.length} of ${result.instances.length} instances: ${listNames(names)})` : "";
  const stuck = restarts.filter(({ outcome }) => outcome === "failed").map(describeFailedRestart);
  const failures = [...stuck, ...result.failures];
  const details = failures.slice(0, 20).map((failure) => `\n  - ${printable(failure)}`);
  const more = failures.length > 20 ? `\n  - and ${failures.length - 20} more, see the report` : "";
  return new RotationError(
    "VERIFICATION_FAILED",
    `the rotation is not proven${who}${details.join("")}${more}\n  Report: ${reportPath}`,
    { nextStep: nextStepFor(result) },
  );
}

/** Another look can't prove what was not seen before the cut-over; a new rotation, with its own canaries, can. */
function nextStepFor({ instances }: VerificationResult): string {
  const lasting = instances.filter(
    ({ checks, reasons }) => reasons.length > 0 && checks.every(({ ok }) => ok),
  );
  if (lasting.length === 0)
    return "repair or restart what is named, then run the same up again without a new rotation";
  const { length } = lasting;
  if (lasting.every(({ checks }) => checks.every(({ check }) => check !== "retired")))
    return `repair what is named; nothing can prove that ${length === 1 ? "1 instance has" : `${length} instances have`} forgotten a key without a canary (see above) but a restart: set restart.command or workloads to have that done and run the same up again, or restart them by hand, then bump rotation`;
  if (lasting.some(({ startup }) => startup?.bootstrap === "missing"))
    return "see why the pods named do not show a JWKS bootstrap, or set restart.bootstrapPattern to the line that they write, then run the same up again";
  if (lasting.every(({ uid }) => uid !== undefined))
    return `repair what is named; ${length === 1 ? "1 pod refuses" : `${length} pods refuse`} the retired keys now but could not be proven to (see above): restart the workload, list it in workloads to have that done, or bump rotation; then run up again`;
  return `repair what is named; ${length === 1 ? "1 instance refuses" : `${length} instances refuse`} the retired keys now but could not be proven to (see above): bump rotation to have the proof`;
}
