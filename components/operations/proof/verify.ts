import { messageOf } from "../base/errors.ts";
import { progressOf } from "../base/report.ts";
import { type ControlReference, mintControls, withControlTokens } from "../canaries/controls.ts";
import type { ProbeClients } from "../canaries/probe-clients.ts";
import { emptyTargets, type Sweep } from "../fleet/sweep.ts";
import { unclearIn } from "../fleet/targets.ts";
import { type Discovery, discover } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { Acknowledgement } from "./acknowledgement.ts";
import {
  askIssuer,
  askIssuerForPairs,
  describeIssuer,
  type IssuerCheck,
  wrongSigners,
} from "./ask-issuer.ts";
import { prepareQuestions } from "./prepare-questions.ts";
import { type DenyListProof, type DenyListResult, proveDenyList } from "./prove-deny-list.ts";
import type { Questions } from "./questions.ts";
import { deadCanaries } from "./retired-keys.ts";
import type { VerificationRequest } from "./verification-request.ts";
import { verifyEveryInstance } from "./verify-every-instance.ts";
import type { InstanceVerification } from "./verify-instance.ts";

export interface VerificationResult {
  verified: boolean;
  /** Dead keys that the config has closed by name. Default: none. */
  acknowledged?: Acknowledgement[];
  /** The control tokens that were shown. Default: none, of an older version. */
  controls?: ControlReference[];
  /** ISO 8601 UTC. */
  startedAt: string;
  /** ISO 8601 UTC. */
  finishedAt: string;
  fresh: { kid: string; algorithm: string; jti: string }[];
  issuer: IssuerCheck[];
  instances: InstanceVerification[];
  /** Pods that were verified and had ended by the last look. */
  departed: string[];
  /** Where the deny-list was to be proven. */
  denyList?: DenyListProof[];
  /** Targets that could not be listed or have no instance, a sentence each. */
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
  const outcome = await questionAll(admin, request, previous).catch((error: unknown) =>
    nothingAsked(error, previous),
  );
  const verified = outcome.failures.length === 0;
  return { verified, startedAt, finishedAt: new Date().toISOString(), ...outcome };
}

type Outcome = Omit<VerificationResult, "verified" | "startedAt" | "finishedAt">;

function nothingAsked(error: unknown, previous: readonly InstanceVerification[]): Outcome {
  const instances = previous.map((instance) => ({
    ...instance,
    proof: "unproven" as const,
    verified: false,
    reasons: ["was not asked in this run"],
  }));
  return { fresh: [], issuer: [], instances, departed: [], unseen: [], failures: [messageOf(error)] };
}

async function questionAll(
  admin: KeycloakAdmin,
  given: VerificationRequest,
  previous: readonly InstanceVerification[],
): Promise<Outcome> {
  const [discovery, probes] = await Promise.all([discover(admin), given.probeClients()]);
  const { unminted, ...request } = await withControls(admin, discovery, probes, withoutAcknowledged(given));
  const questions = await prepareQuestions(admin, { ...discovery, probes }, request);
  const [unclear, found, denyList, jwksProblems = []] = await Promise.all([
    unclearIn(request.fleet.targets),
    verifyEveryInstance(request, questions, previous),
    askDenyLists(admin, request),
    request.jwksProblems?.(),
  ]);
  // The issuer comes last, so that its "rejected" holds for all the time in which the instances were asked.
  const { canaries, controls } = questions;
  const unpaired = canaries.filter(({ kid }) => !request.issuer.some((pair) => pair.kid === kid));
  const later = await askIssuerForPairs(admin, discovery, request.fleet.probe, unpaired, controls);
  const pairs = [...request.issuer, ...later];
  const issuer = await askIssuer(admin, discovery, request.fleet.probe, canaries, pairs);
  const instances = found.results.map(({ value }) => value);
  const unseen = unseenTargets(request, found);
  return {
    ...(request.acknowledged.length > 0 ? { acknowledged: [...request.acknowledged] } : {}),
    controls: questions.controls.map(({ token: _token, ...reference }) => reference),
    fresh: questions.fresh.map(({ kid, algorithm, jti }) => ({ kid, algorithm, jti })),
    issuer,
    instances,
    departed: found.departed.map(({ name }) => name),
    ...(denyList ? { denyList: denyList.instances } : {}),
    unseen,
    failures: [
      ...unseen,
      ...unclear,
      ...unaccounted(request, questions),
      ...unminted,
      ...wrongSigners(questions.fresh, request.newKids),
      ...issuer.filter(({ ok }) => !ok).map(describeIssuer),
      ...instances.filter(({ verified }) => !verified).map(describeInstance),
      ...request.emergency.failures,
      ...jwksProblems,
      ...(denyList?.failures ?? []),
    ],
  };
}

function withoutAcknowledged(request: VerificationRequest): VerificationRequest {
  const { retired, earlier, acknowledged } = request;
  const isLeft = ({ kid }: { kid: string }) => !acknowledged.some((one) => one.kid === kid);
  return {
    ...{ ...request, retired: { ...retired, keys: retired.keys.filter(isLeft) } },
    ...(earlier ? { earlier: { ...earlier, canaries: earlier.canaries.filter(isLeft) } } : {}),
  };
}

/** Dead keys of which nobody has shown that the instances reject them, and about which nobody can be asked any more. */
function unaccounted(
  { retired, openKids, acknowledged }: VerificationRequest,
  { earlier }: Pick<Questions, "earlier">,
): string[] {
  const known = new Set([...retired.keys, ...earlier, ...acknowledged].map(({ kid }) => kid));
  return openKids
    .filter((kid) => !known.has(kid))
    .map(
      (kid) =>
        `kid ${kid} is disabled, it was never proven that the instances refuse it, and no canary token of it is left: bump rotation and have every instance restarted, or close it by name with acknowledge`,
    );
}

/**
 * Control tokens are minted with the cut-over. Where that failed, or an older version did it, they are minted now: which is
 * as good where no session was ended in between.
 */
async function withControls(
  admin: KeycloakAdmin,
  { tokenEndpoint }: Discovery,
  { clients }: ProbeClients,
  request: VerificationRequest,
): Promise<VerificationRequest & { unminted: string[] }> {
  const { retired } = request;
  if (deadCanaries(request).length === 0 || retired.controls.length > 0) return { ...request, unminted: [] };
  const { controls, tokens, problems } = await mintControls(admin, tokenEndpoint, clients);
  const minted = { ...retired, controls: withControlTokens(controls, tokens) };
  return { ...request, retired: minted, unminted: problems };
}

function unseenTargets({ fleet }: VerificationRequest, found: Sweep<unknown>): string[] {
  const seen = found.results.map(({ instance }) => instance);
  return [
    ...found.failures.map(({ error }) => error.message),
    ...found.waiting.map(({ name }) => `${name} is not ready, and was not asked`),
    ...emptyTargets(fleet.targets, seen, found.failures).map(
      ({ name }) => `NO_INSTANCES: target ${name} has no instance to verify`,
    ),
  ];
}

function describeInstance({ instance, reasons }: InstanceVerification): string {
  return `${instance} ${reasons.join("; ")}`;
}

async function askDenyLists(
  admin: KeycloakAdmin,
  { fleet, emergency: { denyList }, run }: VerificationRequest,
): Promise<DenyListResult | undefined> {
  if (!denyList) return undefined;
  return proveDenyList(admin, { fleet, ...denyList }, progressOf("verify", run));
}
