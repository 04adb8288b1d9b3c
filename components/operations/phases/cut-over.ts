import { changed, stepChanged } from "../base/changed.ts";
import { messageOf } from "../base/errors.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { report } from "../base/report.ts";
import type { Canary } from "../canaries/canary.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import { ensureProbeClients, type ProbeIdentity } from "../canaries/probe-clients.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { CutoverFindings, Findings } from "../evidence/findings.ts";
import { discover } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { cutOver } from "../keys/cut-over.ts";
import type { CutoverRequest } from "../keys/cutover-request.ts";
import { lookBack } from "../keys/deaths.ts";
import { describeKilled, killsOf } from "../keys/kill-marks.ts";
import { planCutover } from "../keys/plan-cutover.ts";
import { listSigningKeys, type RealmKey } from "../keys/realm-keys.ts";
import type { KnownBefore } from "../keys/retired-key.ts";
import { retiringCanaries } from "../proof/canary-findings.ts";
import { askNewcomers } from "../proof/newcomers.ts";
import { mintTwins, type Twins } from "../proof/twins.ts";
import { keyAdminOf, leaseOf } from "./lease.ts";
import {
  adminOf,
  detailsOf,
  type FleetInputs,
  fleetOf,
  type LaterInputs,
  type Step,
  stepOf,
} from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

interface Details
  extends Pick<
    CutoverRequest,
    "exemptKeys" | "overlapMs" | "keepRetired" | "jwksUris" | "jwksTimeoutMs" | "deathMarks"
  > {
  probeIdentity: ProbeIdentity;
}

export interface CutoverInputs extends FleetInputs<Details>, Pick<LaterInputs<object>, "before"> {
  /** Components of this rotation's signing keys. */
  componentIds: string[];
  /** How many things the run is about to change in the realm. */
  pendingChanges: number;
}

/** What others need of a cut-over. */
type Outcome = Pick<CutoverFindings, "signers" | "passive" | "retired" | "completedAt"> & {
  retireAfter: string | null;
};

export interface CutoverOutputs extends Step, Outcome {
  componentIds: string[];
  /** Component names that stay as they are. */
  exemptKeys: readonly string[];
  /** When the keys were read that this rotation found: it can't have disabled one earlier. ISO 8601 UTC. */
  keysBeforeAt: string;
  /** Secret, for the length of it: everything that was found. */
  result: Packed<CutoverFindings>;
  /** Secret. The control tokens by their `jti`. Absent in the state of an older version. */
  controlTokens?: Packed<Record<string, string>>;
  /** Whether the realm was as the cut-over left it when it was last looked at. */
  settled: boolean;
  record: PhaseRecord;
}

/** Phase 5, and the retirement later: make the signing keys what the run's mode and stage want, and see it published. */
export async function cutoverPhase(
  inputs: CutoverInputs,
  previous?: Partial<CutoverOutputs>,
): Promise<CutoverOutputs> {
  const { run, probeIdentity, ...details } = detailsOf(inputs);
  const admin = await keyAdminOf(run);
  const { findings, canaryTokens } = unpack(inputs.before);
  const canary = findings.prepared?.canary ?? nothingBefore(findings);
  const last = previous?.result === undefined ? undefined : unpack(previous.result);
  let twins = knownTwins(previous, last, canary.keysBeforeAt);
  const { result, record } = await runPhase(run, "cut-over", findings, async () => {
    const isRetry = previous?.keysBeforeAt === canary.keysBeforeAt;
    const { newcomers: known = [] } = (isRetry ? last : undefined) ?? {};
    const { canaries = [], baseline = [] } = findings.prepared?.canary ?? {};
    const retiring = findings.prepared ? retiringCanaries(findings.prepared.canary) : [];
    const end = findings.prepared?.canary.deadlineAt;
    const deadlineAt = end === undefined ? undefined : Date.parse(end);
    const newcomers = [...known];
    const beforeDisabling = async () => {
      const request = {
        fleet: fleetOf(inputs),
        canaries: retiring,
        canaryTokens,
        baseline: [...baseline, ...known],
        deadlineAt,
      };
      try {
        newcomers.push(...(await askNewcomers(request)));
      } catch (error) {
        // Who was not asked is unproven; the key dies all the same.
        if (run.mode !== "emergency") throw error;
        report("cut-over", `pods that have just appeared could not be asked: ${messageOf(error)}`, run);
      }
    };
    const afterDisabling = async () => {
      // In an overlap nothing has died, but for what somebody had enabled again: the verification mints for that.
      if (twins.controls.length > 0 || run.stage === "overlap") return;
      twins = await askForTwins(admin, probeIdentity, withTokens({ canaries, canaryTokens }));
    };
    const { rotation, mode, stage, incident } = run;
    const { componentIds } = inputs;
    const goal = {
      ...details,
      componentIds,
      rotation,
      mode,
      stage,
      incident,
      canary,
      last: lookBack(last, findings.prepared?.canary.lost ?? [], isRetry),
      beforeDisabling,
      afterDisabling,
    };
    const done = await cutOver(admin, goal, (line) => report("cut-over", line, run));
    (await leaseOf(run)).keysAreDead();
    const { controls, issuer, problems } = twins;
    for (const problem of done.retired.length > 0 ? problems : []) report("cut-over", problem, run);
    const cutover: CutoverFindings = { ...done, newcomers, controls, issuer };
    const summary = `${describeCutover(cutover)}${killedBefore(canary.keysBefore, rotation)}`;
    return { result: cutover, summary };
  });
  const { componentIds } = inputs;
  const { exemptKeys } = details;
  const { keysBeforeAt } = canary;
  const own = { componentIds, exemptKeys, keysBeforeAt, settled: true };
  const controlTokens = pack(twins.tokens);
  return { ...stepOf(inputs), ...outcomeOf(result), ...own, result: pack(result), controlTokens, record };
}

/** Those of an earlier attempt: minted before a session was ended, which no later one can be. */
function knownTwins(
  previous: Partial<CutoverOutputs> | undefined,
  last: CutoverFindings | undefined,
  keysBeforeAt: string,
): Twins {
  const isRetry = previous?.keysBeforeAt === keysBeforeAt && last && last.retired.length > 0;
  if (!isRetry) return { controls: [], tokens: {}, problems: [], issuer: [] };
  const { controls = [], issuer = [] } = last;
  const tokens = previous.controlTokens ? unpack(previous.controlTokens) : {};
  return { controls, tokens, problems: [], issuer };
}

/** Mints the control tokens, and has Keycloak itself show that it tells them from the canary tokens. Never throws. */
async function askForTwins(
  admin: KeycloakAdmin,
  probeIdentity: ProbeIdentity,
  canaries: readonly Canary[],
): Promise<Twins> {
  try {
    const [discovery, { clients }] = await Promise.all([
      discover(admin),
      ensureProbeClients(admin, probeIdentity),
    ]);
    return await mintTwins(admin, discovery, { clients, probe: probeIdentity, canaries });
  } catch (error) {
    const problem = `no control token could be minted before the sessions are ended: ${messageOf(error)}`;
    return { controls: [], tokens: {}, problems: [problem], issuer: [] };
  }
}

function outcomeOf({ signers, passive, retired, completedAt, retireAfter }: CutoverFindings): Outcome {
  return { signers, passive, retired, completedAt, retireAfter: retireAfter ?? null };
}

function describeCutover({ signers, passive, retireAfter, retired, deleted }: CutoverFindings): string {
  const list = (keys: readonly { kid: string; algorithm: string }[]) =>
    keys.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
  return [
    `${list(signers)} sign${signers.length === 1 ? "s" : ""}`,
    ...(passive.length > 0 ? [`${list(passive)} passive until ${retireAfter ?? "retired"}`] : []),
    `retired ${list(retired) || "none"}`,
    ...(deleted.length > 0 ? [`deleted ${list(deleted)}`] : []),
  ].join("; ");
}

/** What `npm run kill` had done before the run, of which no state knows. */
function killedBefore(keysBefore: readonly RealmKey[], rotation: number): string {
  return killsOf(keysBefore, rotation)
    .map((key) => `; ${describeKilled(key)}`)
    .join("");
}

function nothingBefore({ phases }: Findings): KnownBefore {
  return { keysBefore: [], keysBeforeAt: phases[0]?.startedAt ?? new Date().toISOString(), canaries: [] };
}

/** Whether the realm's keys still are as a cut-over leaves them. */
export async function isSettled(outputs: CutoverOutputs): Promise<boolean> {
  const keys = await listSigningKeys(await adminOf(outputs));
  try {
    const { activate, passivate, disable } = planCutover(keys, outputs);
    return activate.length + passivate.length + disable.length === 0;
  } catch {
    // The managed key is gone or disabled: as unsettled as can be.
    return false;
  }
}

/** `destroy` changes nothing in the realm, and says so. */
export function forgetCutover({ realm }: Pick<Step, "realm">): void {
  report("cut-over", `realm ${realm} is forgotten: it goes on signing with the keys it has`);
}

/** What the realm itself says is to be done, as after a crash, or where somebody has added a key, is done as well. */
export function isCutoverDue(
  olds: Step & Pick<CutoverOutputs, "componentIds" | "settled">,
  news: Step & Pick<CutoverInputs, "componentIds" | "pendingChanges">,
): boolean {
  const isOther = changed(olds, news, ["componentIds"]).length > 0 || stepChanged(olds, news);
  return isOther || news.pendingChanges > 0 || olds.settled !== true;
}
