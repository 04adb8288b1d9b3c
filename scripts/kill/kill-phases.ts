import { pack, unpack } from "#operations/base/packed";
import { fleetDigest } from "#operations/fleet/place";
import { openKill } from "#operations/keys/kill-marks";
import { isTrusted, type RealmKey } from "#operations/keys/realm-keys";
import { type CanaryOutputs, canaryPhase, isCanaryDue } from "#phases/canary";
import { type CutoverOutputs, cutoverPhase } from "#phases/cut-over";
import { currentActions, emergencyActions, emergencySoFar, isThawing } from "#phases/emergency-so-far";
import { type EnforcementOutputs, enforcePhase } from "#phases/enforce";
import { type EvidenceOutputs, evidencePhase } from "#phases/evidence";
import { type FreezeOutputs, freezePhase, thawPhase } from "#phases/freeze";
import { type InternalKeysOutputs, internalKeysPhase } from "#phases/internal-keys";
import { detailsFor, type RunSettings } from "#phases/phase-details";
import { inputsFor } from "#phases/phase-request";
import { publishPhase, type SigningKeyOutputs } from "#phases/publish";
import { watchedKeys } from "#phases/retired-keys";
import { type RevocationOutputs, sessionsPhase } from "#phases/revoke";
import { allFindings, type GivenSoFar, knownSoFar } from "#phases/so-far";
import { type VerificationOutputs, verificationPhase } from "#phases/verify";
import { type WatchOutputs, watchPhase } from "#phases/watch";
import type { KeptPhases } from "./kept-run.ts";

/** Takes what a phase has given, for a repeated run. */
export type Keep = (given: KeptPhases) => Promise<void>;

/** What the phases that only an emergency has have given. */
interface EmergencyOutputs {
  frozen: FreezeOutputs;
  revoked: RevocationOutputs;
  internal: InternalKeysOutputs;
}

/**
 * The phases of an emergency, without an engine: each is called with what the state would give it, and what it gives is kept
 * as the state keeps it.
 */
export class KillPhases {
  readonly #settings: RunSettings;
  /** Secret. */
  readonly #apiRefreshTokens: string[];
  readonly #before: KeptPhases;
  readonly #keep: Keep;

  constructor(settings: RunSettings, apiRefreshTokens: string[], before: KeptPhases, keep: Keep) {
    this.#settings = settings;
    this.#apiRefreshTokens = apiRefreshTokens;
    this.#before = before;
    this.#keep = keep;
  }

  #fleetInputs<T extends Parameters<typeof inputsFor>[0]>(details: T) {
    return { ...inputsFor(details), apiRefreshTokens: this.#apiRefreshTokens };
  }

  async freeze(): Promise<FreezeOutputs> {
    return freezePhase(this.#freezeInputs());
  }

  #freezeInputs() {
    const { freeze } = this.#settings.emergency;
    return { ...this.#fleetInputs(detailsFor.freeze(this.#settings)), freeze };
  }

  /** @param keys as they are now: once one has died, only what was minted and seen before can prove anything */
  async mintCanaries(keys: readonly RealmKey[]): Promise<CanaryOutputs> {
    const inputs = this.#fleetInputs(detailsFor.canary(this.#settings));
    const { canary: known } = this.#before;
    if (known && !isCanaryDue(known, inputs) && hasKilled(known, keys)) return known;
    const canary = await canaryPhase(inputs, known);
    await this.#keep({ canary });
    return canary;
  }

  publish(canary: CanaryOutputs): Promise<SigningKeyOutputs[]> {
    const inputs = inputsFor(detailsFor.publish(this.#settings));
    const before = pack(knownSoFar({ canary, keys: [] }));
    return Promise.all(
      this.#settings.algorithms.map((algorithm) => publishPhase({ ...inputs, algorithm, before })),
    );
  }

  async cutOver(canary: CanaryOutputs, keys: SigningKeyOutputs[]): Promise<CutoverOutputs> {
    const { actions, run } = this.#settings;
    const details = { ...detailsFor.cutOver(this.#settings), deathMarks: openKill(run.rotation) };
    const cutover = await cutoverPhase(
      {
        ...this.#fleetInputs(details),
        componentIds: keys.map(({ componentId }) => componentId),
        pendingChanges: actions.length,
        before: pack(knownSoFar({ canary, keys: keys.map(publishedKey) })),
      },
      this.#before.cutover,
    );
    await this.#keep({ cutover });
    return cutover;
  }

  async revoke(): Promise<RevocationOutputs> {
    const { revoke, denyForMs } = this.#settings.emergency;
    const inputs = { ...this.#fleetInputs(detailsFor.revoke(this.#settings)), revoke, denyForMs };
    const revoked = await sessionsPhase(inputs, this.#before.revoked);
    await this.#keep({ revoked });
    return revoked;
  }

  async rotateInternalKeys(): Promise<InternalKeysOutputs> {
    const { internalKeys } = this.#settings.emergency;
    const inputs = { ...inputsFor(detailsFor.internalKeys(this.#settings)), internalKeys };
    const internal = await internalKeysPhase(inputs, this.#before.internal);
    await this.#keep({ internal });
    return internal;
  }

  enforce(given: GivenSoFar, after: string): Promise<EnforcementOutputs> {
    return enforcePhase({
      ...this.#fleetInputs(detailsFor.enforce(this.#settings)),
      before: pack(knownSoFar(given)),
      after,
    });
  }

  async verify(
    given: GivenSoFar & { enforcement: EnforcementOutputs },
    emergency: EmergencyOutputs,
    after: string,
  ): Promise<VerificationOutputs> {
    const current = currentActions(this.#settings.run.rotation, emergency);
    const { restarts } = unpack(given.enforcement.result);
    const verification = await verificationPhase(
      {
        ...this.#fleetInputs(detailsFor.verify(this.#settings)),
        before: pack(knownSoFar(given)),
        emergency: pack(emergencyActions(this.#settings, current, restarts)),
        after,
        openKids: this.#settings.openKids,
        trustedKids: this.#settings.trustedKids,
        fleetDigest: fleetDigest(this.#settings.fleet),
        revokedAt: emergency.revoked.revokedAt,
        internalKeysAt: emergency.internal.record?.finishedAt ?? null,
      },
      this.#before.verification,
    );
    await this.#keep({ verification });
    return verification;
  }

  /** @param cut ends it at once; what was proven stays proven. Default: nothing does */
  watch(given: GivenSoFar, verification: VerificationOutputs, cut?: AbortSignal): Promise<WatchOutputs> {
    const { verified, verifiedAt } = verification;
    return watchPhase(
      {
        ...inputsFor(detailsFor.watch(this.#settings)),
        seconds: this.#settings.emergency.watchSeconds,
        ...{ verified, verifiedAt },
        keys: pack(watchedKeys(knownSoFar(given), verification)),
      },
      {},
      cut,
    );
  }

  /** @throws {RotationError} VERIFICATION_FAILED, RELAPSED where it is red; the bundle is written regardless */
  writeEvidence(
    given: GivenSoFar,
    { verification, watch }: { verification: VerificationOutputs; watch: WatchOutputs },
    emergency: EmergencyOutputs,
  ): Promise<EvidenceOutputs> {
    const current = currentActions(this.#settings.run.rotation, emergency);
    return evidencePhase({
      ...inputsFor(detailsFor.evidence(this.#settings)),
      findings: pack(allFindings(knownSoFar(given), verification, emergencySoFar(current), watch)),
      verifiedAt: verification.verifiedAt,
      watchedAt: watch.watchedAt,
      isThawing: isThawing(this.#settings, emergency.frozen.frozenFor),
    });
  }

  /** Restores what this run has frozen, after a green verification. */
  async thaw({ frozenAt }: FreezeOutputs, { verifiedAt }: VerificationOutputs): Promise<void> {
    await thawPhase({ ...this.#freezeInputs(), frozenAt, verifiedAt });
  }

  /** Restores what a red run has left frozen: `freeze: release` waits for nothing. */
  async release(): Promise<void> {
    await thawPhase({ ...this.#freezeInputs(), frozenAt: null, verifiedAt: null });
  }
}

/** Whether one of the keys that canary tokens were minted with is dead by now. */
function hasKilled(canary: CanaryOutputs, keys: readonly RealmKey[]): boolean {
  const { keysBefore } = unpack(canary.canary).findings;
  const now = keys.filter(isTrusted).map(({ kid }) => kid);
  return keysBefore.filter(isTrusted).some(({ kid }) => !now.includes(kid));
}

/** A new key, as the phases after it take it. */
export function publishedKey({ keyName: name, ...key }: SigningKeyOutputs): GivenSoFar["keys"][number] {
  const { componentId, kid, algorithm, certificateThumbprint, publishedAt, record } = key;
  return { componentId, name, kid, algorithm, certificateThumbprint, publishedAt, record };
}
