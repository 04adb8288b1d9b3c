import * as pulumi from "@pulumi/pulumi";
import type { Packed } from "#operations/base/packed";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { FreezeResult } from "#operations/evidence/findings";
import type { FreezeInputs, FreezeOutputs } from "#operations/phases/freeze";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<FreezeInputs, FreezeOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isFreezeDue } = await import("#phases/freeze");
    return { changes: isFreezeDue(news, olds) };
  },
  async create(inputs) {
    const { freezePhase } = await import("#phases/freeze");
    return { id: `freeze-${inputs.realm}`, outs: await freezePhase(inputs) };
  },
  async update(_id, _olds, news) {
    const { freezePhase } = await import("#phases/freeze");
    return { outs: await freezePhase(news) };
  },
  async delete(_id, props) {
    const { thawForgotten } = await import("#phases/freeze");
    await thawForgotten(props);
  },
};

/**
 * Freezes what an attacker with an admin's token could do, before anything else of an emergency. What can't be frozen
 * is said and does not keep the key alive. {@link AdminThaw} undoes it.
 */
export class AdminFreeze extends pulumi.dynamic.Resource {
  /** When it was frozen last, ISO 8601 UTC; null where it never was. */
  declare readonly frozenAt: pulumi.Output<string | null>;
  /** The rotation that it was frozen for; null where it never was. */
  declare readonly frozenFor: pulumi.Output<number | null>;
  /** Secret, for the length of it. */
  declare readonly result: pulumi.Output<Packed<FreezeResult> | null>;
  declare readonly record: pulumi.Output<PhaseRecord | null>;

  constructor(name: string, args: Args<FreezeInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      frozenAt: undefined,
      frozenFor: undefined,
      result: undefined,
      record: undefined,
    };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["result"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "AdminFreeze");
  }
}
