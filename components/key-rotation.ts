import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/evidence";
import type { Freeze } from "#operations/freeze-phase";
import type { InternalKeyKind } from "#operations/internal-keys";
import type { ProbeSettings } from "#operations/probes";
import type { Algorithm } from "#operations/realm-keys";
import type { RefreshSettings } from "#operations/refresh";
import type { RestartSettings } from "#operations/restart";
import type { Revoke } from "#operations/sessions-phase";
import type { Target } from "#operations/targets";
import { kidsOf, RotationSteps, rotationType, signersOf } from "./rotation-steps.ts";

export interface KeyRotationArgs {
  /** Names that this component had in the stack before, under which the state knows its resources. Default: none. */
  formerNames?: string[];
  run: RunContext;
  /** What keeps the realm from being rotated, where the stack has several realms. Default: nothing. */
  problems?: string[];
  /** A signing key is made for each. Must cover every algorithm that a client of the realm asks for. */
  algorithms: Algorithm[];
  /** RSA modulus bits of new keys. */
  keySize: number;
  /** Names of key providers that stay trusted through an emergency. */
  exemptKeys: string[];
  /** Milliseconds for which keys that no longer sign stay trusted, where the mode is not emergency. */
  overlapMs: number;
  /** Rotations whose disabled keys stay in Keycloak when a later one is retired. */
  keepRetired: number;
  /** What the run is about to change in the realm, in words. */
  actions: string[];
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. */
  jwksTimeoutMs: number;
  /** Where every running API process is found. */
  targets: Target[];
  refresh: RefreshSettings;
  /** What happens to an instance that can't be refreshed. */
  restart: RestartSettings;
  probe: ProbeSettings;
  /** What the API demands of a token beyond its signature: `aud` values, and realm roles of its service account. */
  probeClient: { audience: string[]; realmRoles: string[] };
  /** What an emergency does beside. */
  emergency: EmergencySettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  refreshTokens: pulumi.Input<string[]>;
}

/** What an emergency does beside the rotation of the signing keys. */
export interface EmergencySettings {
  freeze: Freeze;
  /** Path of the instances' freeze operation. */
  freezePath: string;
  internalKeys: InternalKeyKind[];
  revoke: Revoke;
  /** Path of the instances' deny-list operation, without the session's id. */
  denyListPath: string;
  /** Milliseconds for which a session stays on the deny-list: the longest life of an access token. */
  denyForMs: number;
  /** The administrator of our own with whom the deny-list is proven. */
  adminProbe: {
    path: string;
    realmRoles: string[];
    acceptedStatuses: number[];
    rejectedStatuses: number[];
  };
}

/**
 * One rotation of a realm's signing keys, from the canaries to the evidence. The phases wait for one another because
 * each takes what the one before it gives.
 */
export class KeyRotation extends pulumi.ComponentResource {
  /** Kids of the keys that sign now, by algorithm. */
  readonly kids: pulumi.Output<Record<string, string>>;
  /** Kids that are trusted until they are retired. */
  readonly passiveKids: pulumi.Output<string[]>;
  /** The first `up` after this time retires the passive keys, ISO 8601 UTC; null where there is none. */
  readonly retireAfter: pulumi.Output<string | null>;
  readonly retiredKids: pulumi.Output<string[]>;
  readonly verified: pulumi.Output<boolean>;
  /** Null where no key was retired. */
  readonly exposureWindowMs: pulumi.Output<number | null>;
  /** Path of the report that an auditor reads. */
  readonly report: pulumi.Output<string>;
  /** SHA-256 of the evidence bundle's SHA256SUMS, hex: write it into the ticket, and the bundle can't change unseen. */
  readonly evidenceDigest: pulumi.Output<string>;

  readonly #targets: readonly Target[];

  constructor(name: string, args: KeyRotationArgs, opts?: pulumi.ComponentResourceOptions) {
    const aliases = (args.formerNames ?? []).map((former) => ({ name: former }));
    super(rotationType, name, {}, pulumi.mergeOptions(opts, { aliases }));
    this.#targets = args.targets;
    const step = new RotationSteps(this, name, args);
    const check = step.check();
    const frozen = step.emergency.freeze(check);
    const probes = step.prepareProbes(check);
    const canary = step.mintCanaries(probes, frozen);
    const keys = step.publish(canary);
    const announced = step.announce(canary, keys);
    const cutover = step.cutOver(canary, keys, announced);
    const signers = signersOf(cutover, keys);
    const newKids = signers.apply(kidsOf);
    const beside = {
      frozen,
      revoked: step.emergency.revoke(cutover),
      internal: step.emergency.rotateInternalKeys(cutover),
    };
    const refreshed = step.enforce(canary, cutover, newKids);
    const verification = step.verify(probes, canary, cutover, refreshed, newKids, beside);
    const evidence = step.writeEvidence(canary, keys, announced, cutover, refreshed, verification, beside);
    step.emergency.thaw(frozen, verification, evidence);
    this.kids = signers.apply((keys) =>
      Object.fromEntries(keys.map(({ algorithm, kid }) => [algorithm, kid])),
    );
    this.passiveKids = cutover.result.apply(({ passive = [] }) => kidsOf(passive));
    this.retireAfter = cutover.result.apply(({ retireAfter }) => retireAfter ?? null);
    this.retiredKids = cutover.result.retired.apply(kidsOf);
    this.verified = verification.verified;
    this.exposureWindowMs = evidence.exposureWindowMs;
    this.report = evidence.reportPath;
    this.evidenceDigest = evidence.digest;
    this.registerOutputs({
      kids: this.kids,
      passiveKids: this.passiveKids,
      retireAfter: this.retireAfter,
      retiredKids: this.retiredKids,
      verified: this.verified,
      report: this.report,
    });
  }

  /** Whether the instances of a target verify tokens of this realm. */
  covers(target: Target): boolean {
    return this.#targets.some((one) => isDeepStrictEqual(one, target));
  }
}
