import * as pulumi from "@pulumi/pulumi";
import type { ThawInputs, ThawOutputs } from "#operations/phases/freeze";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<ThawInputs, ThawOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isThawDue } = await import("#phases/freeze");
    return { changes: isThawDue(olds, news) };
  },
  async create(inputs) {
    const { thawPhase } = await import("#phases/freeze");
    return { id: `thaw-${inputs.realm}`, outs: await thawPhase(inputs) };
  },
  async update(_id, _olds, news) {
    const { thawPhase } = await import("#phases/freeze");
    return { outs: await thawPhase(news) };
  },
};

/**
 * Restores what {@link AdminFreeze} has frozen, exactly as it was. It comes after the evidence, so only after a green
 * verification; with `freeze: release` it waits for nothing.
 */
export class AdminThaw extends pulumi.dynamic.Resource {
  /** The freeze that was undone last, by its time; null where there was none. */
  declare readonly thawed: pulumi.Output<string | null>;

  constructor(name: string, args: Args<ThawInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      thawed: undefined,
    };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "AdminThaw");
  }
}
