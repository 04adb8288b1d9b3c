import { messageOf } from "../base/errors.ts";
import { progressOf } from "../base/report.ts";
import { type ControlReference, mintControls, withControlTokens } from "../canaries/controls.ts";
import type { ProbeClients } from "../canaries/probe-clients.ts";
import { placeOf } from "../fleet/place.ts";
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
import { type LedgerEntry, type LedgerOutcome, ledgerEntries, nextState } from "./ledger/ledger.ts";
import type { LedgerState } from "./ledger/state.ts";
import { prepareQuestions } from "./prepare-questions.ts";
import { type DenyListProof, type DenyListResult, proveDenyList } from "./prove-deny-list.ts";
import type { Questions } from "./questions.ts";
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
  /** How it stands with every dead key that is known. Absent in the results of older versions. */
  ledger?: LedgerEntry[];
}

export interface VerificationOutcome {
  result: VerificationResult;
  /** What later verifications must know of it. */
  state: LedgerState;
}

/**
 * Verifies a rotation at the issuer and on every instance. It does not throw: a failure is a result, which stays in
 * the state until a later verification passes.
 *
 * @param previous an earlier result of the same rotation: where nobody can be asked, its instances are listed as unproven
 */
export async function verifyRotation(
  admin: KeycloakAdmin,
  request: VerificationRequest,
  previous: readonly InstanceVerification[] = [],
): Promise<VerificationOutcome> {
  const startedAt = new Date().toISOString();
  const outcome = await questionAll(admin, request).catch((error: unknown) =>
    nothingAsked(error, request, previous),
  );
  const { unlisted, ...result } = outcome;
  const verified = result.failures.length === 0;
  const finishedAt = new Date().toISOString();
  return settle(request, { verified, startedAt, finishedAt, ...result }, unlisted);
}

type Outcome = Omit<VerificationResult, "verified" | "startedAt" | "finishedAt" | "ledger"> & {
  unlisted: LedgerOutcome["unlisted"];
};

/** How it stands with each dead key after all that. */
function settle(
  { rotation, rows, cells, fleet }: VerificationRequest,
  result: Omit<VerificationResult, "ledger">,
  unlisted: Outcome["unlisted"],
): VerificationOutcome {
  const instances = result.instances.map(({ proofs = [], ...one }) => ({
    ...{ ...one, proofs },
    place: placeOf(one, fleet.probe),
  }));
  const outcome = { verified: result.verified, rotation, at: result.finishedAt, instances, unlisted };
  const state = nextState(rows, cells, outcome);
  return { result: { ...result, ledger: ledgerEntries(rows, outcome) }, state };
}

function nothingAsked(
  error: unknown,
  { rows }: VerificationRequest,
  previous: readonly InstanceVerification[],
): Outcome {
  const instances = previous.map((instance) => ({
    ...instance,
    proof: "unproven" as const,
    verified: false,
    proofs: rows.map(({ kid }) => ({ kid, proof: "unproven" as const })),
    reasons: ["was not asked in this run"],
  }));
  const nothing = { fresh: [], issuer: [], departed: [], unseen: [], unlisted: "all" as const };
  return { ...nothing, instances, failures: [messageOf(error)] };
}

async function questionAll(admin: KeycloakAdmin, given: VerificationRequest): Promise<Outcome> {
  const [discovery, probes] = await Promise.all([discover(admin), given.probeClients()]);
  const { unminted, ...request } = await withControls(admin, discovery, probes, given);
  const questions = await prepareQuestions(admin, { ...discovery, probes }, request);
  const [unclear, found, denyList, jwksProblems = []] = await Promise.all([
    unclearIn(request.fleet.targets),
    verifyEveryInstance(request, questions),
    askDenyLists(admin, request),
    request.jwksProblems?.(),
  ]);
  // The issuer comes last, so that its "rejected" holds for all the time in which the instances were asked.
  const issuer = await questionIssuer(admin, discovery, request, questions);
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
    unlisted: found.failures.map(({ target }) => target),
    failures: [
      ...unseen,
      ...unclear,
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

/** What Keycloak itself says of each dead key that has canary tokens. */
async function questionIssuer(
  admin: KeycloakAdmin,
  discovery: Discovery,
  { fleet: { probe }, issuer }: VerificationRequest,
  { rows, controls }: Questions,
): Promise<IssuerCheck[]> {
  const canaries = rows.flatMap(({ canary, standing }) => (canary && standing === "open" ? [canary] : []));
  const unpaired = canaries.filter(({ kid }) => !issuer.some((pair) => pair.kid === kid));
  const later = await askIssuerForPairs(admin, discovery, probe, unpaired, controls);
  return askIssuer(admin, discovery, probe, canaries, [...issuer, ...later]);
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
  const { retired, rows } = request;
  const isOpen = ({ kid }: { kid: string }) => rows.some((row) => row.kid === kid && row.standing === "open");
  if (retired.controls.length > 0 || !retired.canaries.some(isOpen)) return { ...request, unminted: [] };
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
