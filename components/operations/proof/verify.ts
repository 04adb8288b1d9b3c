import { messageOf } from "../base/errors.ts";
import { progressOf } from "../base/report.ts";
import { emptyTargets, type Sweep } from "../fleet/sweep.ts";
import { discover } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { askIssuer, describeIssuer, type IssuerCheck, wrongSigners } from "./ask-issuer.ts";
import { prepareQuestions } from "./prepare-questions.ts";
import { type DenyListProof, type DenyListResult, proveDenyList } from "./prove-deny-list.ts";
import type { VerificationRequest } from "./verification-request.ts";
import { verifyEveryInstance } from "./verify-every-instance.ts";
import type { InstanceVerification } from "./verify-instance.ts";

export interface VerificationResult {
  verified: boolean;
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
  request: VerificationRequest,
  previous: readonly InstanceVerification[],
): Promise<Outcome> {
  const [discovery, probes] = await Promise.all([discover(admin), request.probeClients()]);
  const questions = await prepareQuestions(admin, { ...discovery, probes }, request);
  const [found, denyList, jwksProblems = []] = await Promise.all([
    verifyEveryInstance(request, questions, previous),
    askDenyLists(admin, request),
    request.jwksProblems?.(),
  ]);
  // The issuer comes last, so that its "rejected" holds for all the time in which the instances were asked.
  const issuer = await askIssuer(admin, discovery, request.fleet.probe, questions.canaries);
  const instances = found.results.map(({ value }) => value);
  const unseen = unseenTargets(request, found);
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
      ...issuer.filter(({ ok }) => !ok).map(describeIssuer),
      ...instances.filter(({ verified }) => !verified).map(describeInstance),
      ...request.emergency.failures,
      ...jwksProblems,
      ...(denyList?.failures ?? []),
    ],
  };
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
