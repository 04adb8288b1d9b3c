import * as pulumi from "@pulumi/pulumi";
import type { Packed } from "#operations/base/packed";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { CanaryInputs, CanaryOutputs } from "#operations/phases/canary";
import type { CanaryResult } from "#operations/proof/canary-findings";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<CanaryInputs, CanaryOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isCanaryDue } = await import("#phases/canary");
    return { changes: isCanaryDue(olds, news) };
  },
  async create(inputs) {
    const { canaryPhase } = await import("#phases/canary");
    return { id: `canary-${inputs.realm}`, outs: await canaryPhase(inputs) };
  },
  async update(_id, olds, news) {
    const { canaryPhase } = await import("#phases/canary");
    return { outs: await canaryPhase(news, olds) };
  },
};

/**
 * Mints real tokens with each key that is about to retire, while it still signs, and proves that every instance
 * accepts them. They are replayed after the cut-over: only a canary that was accepted before proves anything.
 *
 * Kept in the state as a secret, so that neither a crash nor the days of an overlap cost the proof. Minted when `rotation`
 * is bumped; shown to every instance again before the keys of a planned rotation are retired.
 */
export class CanaryToken extends pulumi.dynamic.Resource {
  /** Secret. The canary tokens by their `jti`, and the keys, the JWKS and every instance's verdict before anything was changed. */
  declare readonly canary: pulumi.Output<Packed<CanaryResult>>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: Args<CanaryInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      canary: undefined,
      record: undefined,
    };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["canary"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "CanaryToken");
  }
}
