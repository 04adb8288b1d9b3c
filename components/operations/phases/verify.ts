import { messageOf } from "../base/errors.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { progressOf, report } from "../base/report.ts";
import { ensureProbeClients, type ProbeIdentity } from "../canaries/probe-clients.ts";
import type { VerificationAttempt } from "../evidence/findings.ts";
import { fleetDigest } from "../fleet/place.ts";
import type { JwksReadBack } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import {
  expectedKids,
  type SettledJwks,
  settleEveryJwks,
  type VerifierUrls,
} from "../keys/jwks-read-back.ts";
import type { Acknowledgement } from "../proof/acknowledgement.ts";
import { currentOrders } from "../proof/current-orders.ts";
import type { LedgerState } from "../proof/ledger/state.ts";
import type { EmergencyActions } from "../proof/verification-request.ts";
import { type VerificationResult, verifyRotation } from "../proof/verify.ts";
import { isAcknowledged, lookAtDeaths, markDeaths } from "./deaths.ts";
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
  /** Kids of the disabled keys whose deaths were not closed when the program began: also those that came back after a proof. */
  openKids?: string[];
  /** Kids of the keys that were trusted when the program began. Default: not known. */
  trustedKids?: string[];
  /** A digest of which instances are asked, and how. Default: not known. */
  fleetDigest?: string;
}

/** What a verification leaves for a later one. */
interface Kept {
  result: VerificationResult;
  /** The JWKS URLs that the cut-over did not wait for; absent where it waited for all of them. */
  jwksReadBack?: JwksReadBack[];
  /** Every verification of this rotation so far. */
  attempts: VerificationAttempt[];
  /** All that is known of dead keys. */
  ledger: LedgerState;
}

export interface VerificationOutputs extends Step, Recorded, Omit<Triggers, "after"> {
  verified: boolean;
  /** The cut-over that was verified. */
  verifiedAfter: string;
  /** When, ISO 8601 UTC. */
  verifiedAt: string;
  /** The digest of the instances that were asked, and how. Absent in the state of an older version. */
  fleetDigest?: string;
  /** Kids of the keys that were trusted then. Absent in the state of an older version. */
  trustedKids?: string[];
  /** Secret, for the length of it. */
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
  const last = previous.found && { verified: previous.verified === true, ...unpack(previous.found) };
  const isLater = previous.verifiedAfter === after;
  const admin = await adminOf(inputs);
  const probeClients = () => ensureProbeClients(admin, probeIdentity);
  const settling = settleJwks(admin, inputs, before);
  const known = await lookAtDeaths(admin, inputs, before, last);
  const fleet = fleetOf(inputs);
  const { result, state } = await verifyRotation(
    admin,
    {
      ...{ run, rotation: run.rotation, fleet, probeClients, retired: retiredKeysOf(before, after) },
      ...{ rows: known.rows, cells: known.state.cells },
      newKids: newKidsOf(before),
      // One that somebody has disabled since is dead, and is asked about as such.
      passive: (before.findings.cutover?.passive ?? []).filter(({ kid }) => known.trustedKids.includes(kid)),
      restarts: before.findings.enforced?.restarts ?? [],
      issuer: before.findings.cutover?.issuer ?? [],
      // An acknowledgement of a key that is not dead says nothing.
      acknowledged: acknowledge.filter(({ kid }) => isAcknowledged(kid, known.rows)),
      jwksProblems: async () => [
        ...known.problems,
        ...(before.findings.cutover?.problems ?? []),
        ...((await settling)?.problems ?? []),
      ],
      emergency: currentOrders(unpack(inputs.emergency), last, isLater),
    },
    isLater ? last?.result.instances : undefined,
  );
  const { startedAt, finishedAt, verified, failures, instances } = result;
  await markDeaths(admin, { run, rows: known.rows, result });
  const good = instances.filter((one) => one.verified).length;
  const summary = `${good} of ${instances.length} instances proven${verified ? "" : "; NOT VERIFIED"}`;
  report("verify", summary, run);
  const attempts = previous.rotation === run.rotation ? (last?.attempts ?? []) : [];
  const settled = await settling;
  const found: Kept = {
    result,
    ...(settled ? { jwksReadBack: settled.readBack } : {}),
    attempts: [...attempts, { startedAt, finishedAt, verified, failures }],
    ledger: state,
  };
  return {
    ...stepOf(inputs),
    ...{ verified, verifiedAfter: after, verifiedAt: finishedAt, revokedAt, internalKeysAt },
    ...{ fleetDigest: fleetDigest(fleet), trustedKids: known.trustedKids },
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

/**
 * Whether something has changed since the last verification, or that one was red, or a dead key is not proven, or a key is
 * not trusted any more that was, or other instances are to be asked, or in another way.
 */
export function isVerificationDue(
  olds: Partial<VerificationOutputs>,
  news: Triggers & Pick<VerificationInputs, "openKids" | "trustedKids" | "fleetDigest">,
): boolean {
  const { openKids = [], trustedKids, fleetDigest: digest } = news;
  if (openKids.length > 0) return true;
  if (olds.fleetDigest !== undefined && digest !== undefined && olds.fleetDigest !== digest) return true;
  if (trustedKids && olds.trustedKids?.some((kid) => !trustedKids.includes(kid))) return true;
  const isOther =
    olds.verifiedAfter !== news.after ||
    (olds.revokedAt ?? null) !== news.revokedAt ||
    (olds.internalKeysAt ?? null) !== news.internalKeysAt;
  return isOther || olds.verified !== true;
}
