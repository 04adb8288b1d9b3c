import { messageOf } from "../base/errors.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { progressOf, report } from "../base/report.ts";
import type { RunContext } from "../base/run-context.ts";
import type { KeptCanaries } from "../canaries/canary.ts";
import { keepOf } from "../canaries/kept-canaries.ts";
import { ensureProbeClients, type ProbeIdentity } from "../canaries/probe-clients.ts";
import type { Findings, VerificationAttempt } from "../evidence/findings.ts";
import type { JwksReadBack } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { acknowledgedDeath, openKeys, provenDeath } from "../keys/death-marks.ts";
import {
  expectedKids,
  type SettledJwks,
  settleEveryJwks,
  type VerifierUrls,
} from "../keys/jwks-read-back.ts";
import { killOf, provenKill } from "../keys/kill-marks.ts";
import { listSigningKeys, updateKeyComponent } from "../keys/realm-keys.ts";
import type { RetiredKey } from "../keys/retired-key.ts";
import type { Acknowledgement } from "../proof/acknowledgement.ts";
import { currentOrders } from "../proof/current-orders.ts";
import { nothingOpen, stillOpen } from "../proof/still-open.ts";
import type { EmergencyActions } from "../proof/verification-request.ts";
import { type VerificationResult, verifyRotation } from "../proof/verify.ts";
import {
  adminOf,
  type Before,
  detailsOf,
  type FleetInputs,
  fleetOf,
  type LaterInputs,
  type Recorded,
  type Step,
  stepOf,
} from "./phase-request.ts";
import { newKidsOf, retiredKeysOf } from "./retired-keys.ts";
import { inProgress } from "./run-phase.ts";

/** Another value of any of them makes it run again. */
interface Triggers {
  /** Completion time of the cut-over to verify, ISO 8601 UTC. */
  after: string;
  /** When sessions were ended last, ISO 8601 UTC, or null. */
  revokedAt: string | null;
  /** When internal keys were rotated last, ISO 8601 UTC, or null. */
  internalKeysAt: string | null;
}

export interface VerificationInputs
  extends Triggers,
    FleetInputs<VerifierUrls & { probeIdentity: ProbeIdentity; acknowledge?: Acknowledgement[] }>,
    Pick<LaterInputs<object>, "before"> {
  /** Secret, for the length of it: what an emergency did in addition to rotating the signing keys. */
  emergency: Packed<EmergencyActions>;
  /** Kids of dead keys that nobody had proven when the program began: also those that came back after a proof. */
  openKids?: string[];
}

/** What a verification leaves for a later one. */
interface Kept extends KeptCanaries {
  result: VerificationResult;
  /** The JWKS URLs that the cut-over did not wait for; absent where it waited for all of them. */
  jwksReadBack?: JwksReadBack[];
  /** Every verification of this rotation so far. */
  attempts: VerificationAttempt[];
  retired: RetiredKey[];
  /** Secret. Canaries of keys that were retired, and of which nobody has shown since that they are dead. */
  earlier: KeptCanaries;
}

export interface VerificationOutputs extends Step, Recorded, Omit<Triggers, "after"> {
  verified: boolean;
  /** The cut-over that was verified. */
  verifiedAfter: string;
  /** When, ISO 8601 UTC. */
  verifiedAt: string;
  /** Secret. */
  found: Packed<Kept>;
}

/** Phase 8: verify on every instance. The result is kept, red or green; `Evidence` makes a red one fail the run. */
export async function verificationPhase(
  inputs: VerificationInputs,
  previous?: Partial<VerificationOutputs>,
): Promise<VerificationOutputs> {
  const { run } = detailsOf(inputs);
  return inProgress(run, "verify", () => verify(inputs, previous));
}

async function verify(
  inputs: VerificationInputs,
  previous: Partial<VerificationOutputs> = {},
): Promise<VerificationOutputs> {
  const { run, probeIdentity, acknowledge = [] } = detailsOf(inputs);
  const { after, revokedAt, internalKeysAt } = inputs;
  const before = unpack(inputs.before);
  const retired = retiredKeysOf(before, after);
  const last = previous.found && { verified: previous.verified === true, ...unpack(previous.found) };
  const open = withCarried(stillOpen(retired.keys, last), retired.keys, before, inputs.openKids);
  const isLater = previous.verifiedAfter === after;
  const admin = await adminOf(inputs);
  const probeClients = () => ensureProbeClients(admin, probeIdentity);
  const settling = settleJwks(admin, inputs, before);
  const result = await verifyRotation(
    admin,
    {
      ...{ run, fleet: fleetOf(inputs), probeClients, retired },
      newKids: newKidsOf(before),
      passive: before.findings.cutover?.passive ?? [],
      restarts: before.findings.enforced?.restarts ?? [],
      issuer: before.findings.cutover?.issuer ?? [],
      acknowledged: acknowledge.filter(({ kid }) => isDead(kid, before.findings, inputs.openKids)),
      openKids: inputs.openKids ?? [],
      earlier: open,
      jwksProblems: async () => [
        ...(before.findings.cutover?.problems ?? []),
        ...((await settling)?.problems ?? []),
      ],
      emergency: currentOrders(unpack(inputs.emergency), last, isLater),
    },
    isLater ? last?.result.instances : undefined,
  );
  const { startedAt, finishedAt, verified, failures, instances } = result;
  if (verified) {
    const { acknowledged = [] } = result;
    await closeDeaths(admin, before.findings, { run, earlier: open.canaries, acknowledged });
  }
  const good = instances.filter((one) => one.verified).length;
  const summary = `${good} of ${instances.length} instances proven${verified ? "" : "; NOT VERIFIED"}`;
  report("verify", summary, run);
  const attempts = previous.rotation === run.rotation ? (last?.attempts ?? []) : [];
  const settled = await settling;
  const found: Kept = {
    ...{ canaries: retired.canaries, canaryTokens: retired.canaryTokens, retired: retired.keys, result },
    ...(settled ? { jwksReadBack: settled.readBack } : {}),
    attempts: [...attempts, { startedAt, finishedAt, verified, failures }],
    earlier: verified ? nothingOpen : open,
  };
  return {
    ...stepOf(inputs),
    ...{ verified, verifiedAfter: after, verifiedAt: finishedAt, revokedAt, internalKeysAt },
    found: pack(found),
    record: { phase: "verify", outcome: verified ? "done" : "failed", startedAt, finishedAt, summary },
  };
}

/**
 * The cut-over of an emergency waits only for the first good read of a JWKS URL; the other reads go on while the
 * instances are asked. A URL that goes on serving the retired key brings it back to whoever fetches there.
 */
async function settleJwks(
  admin: KeycloakAdmin,
  inputs: VerificationInputs,
  { findings: { cutover } }: Before,
): Promise<SettledJwks | undefined> {
  if (!cutover || cutover.jwksReadBack.length > 0) return undefined;
  const { run, jwksUris, jwksTimeoutMs } = detailsOf(inputs);
  const verifiers = { jwksUris, ...(jwksTimeoutMs === undefined ? {} : { jwksTimeoutMs }) };
  try {
    return await settleEveryJwks(
      admin,
      verifiers,
      expectedKids(cutover.keysAfter),
      progressOf("verify", run),
    );
  } catch (error) {
    return { readBack: [], problems: [messageOf(error)] };
  }
}

type Kid = { kid: string };

/** That they are proven is marked on the keys, because a lost state would not know it; what a kill had left unproven, too. */
async function closeDeaths(
  admin: KeycloakAdmin,
  { cutover }: Findings,
  { run, earlier, acknowledged }: { run: RunContext } & Record<"earlier" | "acknowledged", readonly Kid[]>,
): Promise<void> {
  const { retired = [], keysAfter = [] } = cutover ?? {};
  const closed = new Set([...retired, ...earlier, ...acknowledged].map(({ kid }) => kid));
  const { rotation } = run;
  // As they are now: a watch may have opened one again since the cut-over.
  const keys = await listSigningKeys(admin).catch(() => keysAfter);
  for (const key of openKeys(keys).filter(({ kid }) => closed.has(kid))) {
    const proven = killOf(key) ? provenKill(rotation) : provenDeath(rotation);
    const isAcknowledged = acknowledged.some(({ kid }) => kid === key.kid);
    const marks = isAcknowledged ? acknowledgedDeath(rotation) : proven;
    await updateKeyComponent(admin, key.componentId, { marks }).catch((error: unknown) =>
      report("verify", `kid ${key.kid} is closed, which could not be marked on it: ${messageOf(error)}`, run),
    );
  }
}

/** A run that was killed before its verification has left canary tokens, too: they were carried along. */
function withCarried(
  open: KeptCanaries,
  retired: readonly Kid[],
  { findings, canaryTokens }: Before,
  openKids: readonly string[] = [],
): KeptCanaries {
  const known = new Set([...retired, ...open.canaries].map(({ kid }) => kid));
  const carried = (findings.prepared?.canary.carried ?? [])
    .flatMap(({ canaries }) => canaries)
    .filter(({ kid }) => openKids.includes(kid) && !known.has(kid));
  return keepOf([...open.canaries, ...carried], { ...canaryTokens, ...open.canaryTokens });
}

/** An acknowledgement of a key that is not dead says nothing. */
function isDead(kid: string, { cutover }: Findings, openKids: readonly string[] = []): boolean {
  return openKids.includes(kid) || (cutover?.retired ?? []).some((key) => key.kid === kid);
}

/** Whether something has changed since the last verification, or that one was red, or a dead key is not proven any more. */
export function isVerificationDue(
  olds: Partial<VerificationOutputs>,
  news: Triggers & Pick<VerificationInputs, "openKids">,
): boolean {
  if ((news.openKids ?? []).length > 0) return true;
  const isOther =
    olds.verifiedAfter !== news.after ||
    (olds.revokedAt ?? null) !== news.revokedAt ||
    (olds.internalKeysAt ?? null) !== news.internalKeysAt;
  return isOther || olds.verified !== true;
}
