import { stepChanged } from "../base/changed.ts";
import { messageOf, RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { within } from "../base/within.ts";
import { forgersKey } from "../canaries/forged-tokens.ts";
import { ensureProbeClients, type ProbeIdentity } from "../canaries/probe-clients.ts";
import type { ProbeClient } from "../canaries/tokens.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listSigningKeys } from "../keys/realm-keys.ts";
import { notifyStart } from "../notify/run-notices.ts";
import { type BaselineVerdict, takesForgeries } from "../proof/baseline-verdict.ts";
import type { CanaryFindings, CanaryResult } from "../proof/canary-findings.ts";
import { keptProof } from "../proof/kept-proof.ts";
import { prepareProof } from "../proof/prepare-proof.ts";
import { keyAdminOf } from "./lease.ts";
import { detailsOf, type FleetInputs, fleetOf, type Step, stepOf } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

interface Details {
  /** Component names that stay as they are. */
  exemptKeys: string[];
  probeIdentity: ProbeIdentity;
  /** Milliseconds that all that comes before the disabling of a stolen key may take. */
  budgetMs: number;
}

export type CanaryInputs = FleetInputs<Details>;

export interface CanaryOutputs extends Step {
  /** Secret. The canary tokens, the keys, the JWKS and every instance's verdict before anything was changed. */
  canary: Packed<CanaryResult>;
  record: PhaseRecord;
}

/**
 * Phase 2: mint canary tokens and prove that every instance accepts them now.
 * @param previous what an earlier run has minted
 */
export async function canaryPhase(
  inputs: CanaryInputs,
  previous?: Partial<CanaryOutputs>,
): Promise<CanaryOutputs> {
  const { run, exemptKeys, probeIdentity, budgetMs } = detailsOf(inputs);
  // To make an RSA key takes as long as to ask a small fleet, so it is begun first.
  for (const algorithm of probeIdentity.algorithms) forgersKey(algorithm);
  const admin = await keyAdminOf(run);
  notifyStart(run);
  const { rotation, mode, stage } = run;
  const kept = previous?.canary && unpack(previous.canary);
  const { result, record } = await runPhase(run, "canary", { phases: [] }, async () => {
    // Before the budget begins: what another run's lease costs must not cost the proof.
    await admin.beforeKeyChange();
    const deadlineAt = run.mode === "emergency" ? Date.now() + budgetMs : undefined;
    const { probeClients, problems } = await probeClientsFor(admin, probeIdentity, deadlineAt);
    const goal = { rotation, mode, stage, exemptKeys };
    const prepared = await prepareProof(admin, {
      run,
      fleet: fleetOf(inputs),
      ...goal,
      probeClients,
      deadlineAt,
      kept,
    }).catch((error: unknown) => withoutProof(admin, mode, error, kept));
    const findings = withProblems(prepared.findings, problems);
    return { result: { ...prepared, findings }, summary: describeBaseline(findings) };
  });
  return { ...stepOf(inputs), canary: pack(result), record };
}

/** In an emergency a client policy, a quota or a missing role that forbids a probe client costs the proof, not the kill. */
async function probeClientsFor(
  admin: KeycloakAdmin,
  identity: ProbeIdentity,
  deadlineAt: number | undefined,
): Promise<{ probeClients: ProbeClient[]; problems: string[] }> {
  const making = ensureProbeClients(admin, identity);
  if (deadlineAt === undefined) return { probeClients: (await making).clients, problems: [] };
  try {
    const made = await within(deadlineAt - Date.now(), making);
    if (made) return { probeClients: made.clients, problems: [] };
    return {
      probeClients: [],
      problems: ["the probe clients could not be made within emergency.budgetSeconds"],
    };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { probeClients: [], problems: [`the probe clients could not be made: ${messageOf(error)}`] };
  }
}

/**
 * Whatever goes wrong with the proof, a strange answer that some library stumbles over or a mistake of our own, does not
 * keep a stolen key alive: the keys that are to die are read, and the run is red at the end.
 *
 * @throws the error outside an emergency, and where this run is over
 */
async function withoutProof(
  admin: KeycloakAdmin,
  mode: Step["mode"],
  error: unknown,
  kept: CanaryResult | undefined,
): Promise<CanaryResult> {
  const isOver = error instanceof RotationError && /^(LEASE_|ENGINE_)/.test(error.code);
  if (mode !== "emergency" || isOver) throw error;
  const keysBefore = await listSigningKeys(admin);
  const { tokens, ...before } = keptProof(keysBefore, kept);
  return {
    tokens,
    findings: {
      ...before,
      keysBefore,
      keysBeforeAt: new Date().toISOString(),
      jwksBefore: { keys: [] },
      notAsked: [],
      unminted: [`no canary tokens: ${messageOf(error)}`],
      baselineSkipped: true,
    },
  };
}

function withProblems(findings: CanaryFindings, problems: readonly string[]): CanaryFindings {
  if (problems.length === 0) return findings;
  return { ...findings, unminted: [...problems, ...(findings.unminted ?? [])] };
}

function describeBaseline({ canaries, baseline, baselineSkipped, unminted = [] }: CanaryFindings): string {
  if (unminted.length > 0)
    return `NOT ALL CANARY TOKENS COULD BE MINTED, the keys are disabled regardless: ${unminted.join("; ")}`;
  if (canaries.length === 0) return "no key is about to retire";
  const kids = canaries.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
  const minted = `canary tokens minted with key ${kids}`;
  if (baselineSkipped) return `${minted}; NO INSTANCE ANSWERS, so replaying them can prove nothing`;
  const namesOf = (is: (known: BaselineVerdict) => boolean) =>
    baseline.filter(({ verdicts }) => verdicts.some(is)).map(({ instance }) => instance);
  const silent = namesOf(({ verdict }) => verdict.kind !== "accepted");
  const taking = namesOf(takesForgeries);
  const accepting = `${baseline.length - silent.length} of ${baseline.length} instances accept them`;
  const others = silent.length > 0 ? `; ${listNames(silent)} ${silent.length === 1 ? "does" : "do"} not` : "";
  const forged =
    taking.length > 0
      ? `; ${listNames(taking)} ALSO ${taking.length === 1 ? "TAKES" : "TAKE"} FORGED TOKENS, so no answer of ${taking.length === 1 ? "it" : "them"} proves anything`
      : "";
  return `${minted}; ${accepting}${others}${forged}`;
}

/** Whether this run needs canary tokens of its own. */
export function isCanaryDue(olds: Step, news: Step): boolean {
  return stepChanged(olds, news);
}
