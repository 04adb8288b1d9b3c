import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { Target } from "#operations/fleet/targets";
import type { KeyRotationArgs } from "./key-rotation-args.ts";
import { kidsOf, RotationSteps, rotationType, stillProven } from "./rotation-steps.ts";

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
    this.#targets = args.fleet.targets;
    const step = new RotationSteps(this, name, args);
    const check = step.check();
    const frozen = step.emergency.freeze(check);
    const probes = step.keepProbes(check);
    const canary = step.mintCanaries(probes);
    const keys = step.publish(canary);
    const announced = step.announce(canary, keys);
    const cutover = step.cutOver(canary, keys, announced);
    const emergency = {
      frozen,
      revoked: step.emergency.revoke(cutover),
      internal: step.emergency.rotateInternalKeys(cutover),
    };
    const enforced = step.enforce({ canary, keys, announced, cutover });
    const done = { canary, keys, announced, cutover, enforced };
    const verification = step.verify(done, emergency);
    const watch = step.watch(done, verification);
    const evidence = step.writeEvidence({ ...done, verification, watch, emergency });
    step.emergency.thaw(frozen, verification, evidence);
    this.kids = cutover.signers.apply((keys) =>
      Object.fromEntries(keys.map(({ algorithm, kid }) => [algorithm, kid])),
    );
    this.passiveKids = cutover.passive.apply(kidsOf);
    this.retireAfter = cutover.retireAfter;
    this.retiredKids = cutover.retired.apply(kidsOf);
    this.verified = stillProven(verification, watch);
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
