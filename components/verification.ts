import * as pulumi from "@pulumi/pulumi";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { VerificationInputs, VerificationOutputs } from "#operations/phases/verify";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<VerificationInputs, VerificationOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isVerificationDue } = await import("#phases/verify");
    return { changes: isVerificationDue(olds, news) };
  },
  async create(inputs) {
    const { verificationPhase } = await import("#phases/verify");
    return { id: `verification-${inputs.realm}`, outs: await verificationPhase(inputs) };
  },
  async update(_id, olds, news) {
    const { verificationPhase } = await import("#phases/verify");
    return { outs: await verificationPhase(news, olds) };
  },
};

/**
 * Proves, on every instance and at the issuer, that retired keys are refused, fresh tokens accepted and forged ones
 * refused. A red result is kept in the state as `verified: false`, where no `pulumi refresh` can launder it, and each
 * following `up` verifies again until it is green; `Evidence` makes the run fail.
 */
export class Verification extends pulumi.dynamic.Resource {
  declare readonly verified: pulumi.Output<boolean>;
  /** When, ISO 8601 UTC. */
  declare readonly verifiedAt: pulumi.Output<string>;
  /** Secret: the result, every verification of this rotation so far, and what a later one needs of it. */
  declare readonly found: pulumi.Output<VerificationOutputs["found"]>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: Args<VerificationInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      verified: undefined,
      verifiedAt: undefined,
      found: undefined,
      record: undefined,
    };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["found"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "Verification");
  }
}
