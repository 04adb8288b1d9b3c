import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { FreezeResult } from "#operations/evidence/findings";
import type { Freeze } from "#operations/fleet/freeze-instances";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { Target } from "#operations/fleet/targets";
import type { FreezeOutputs, FreezePhaseRequest } from "#operations/phases/freeze";
import { configure } from "./configure.ts";

export interface AdminFreezeArgs {
  run: RunContext;
  freeze: Freeze;
  /** Path of the instances' freeze operation. */
  freezePath: string;
  /** Where the API's processes are. */
  targets: Target[];
  refresh: RefreshSettings;
  /** Secret. The bearer tokens of the internal operations that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
}

const provider: pulumi.dynamic.ResourceProvider<FreezePhaseRequest, FreezePhaseRequest & FreezeOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isFreezeDue } = await import("#phases/freeze");
    return { changes: isFreezeDue(news, olds) };
  },
  async create(inputs) {
    const { freezePhase } = await import("#phases/freeze");
    return { id: `freeze-${inputs.run.realm}`, outs: { ...inputs, ...(await freezePhase(inputs)) } };
  },
  async update(_id, _olds, news) {
    const { freezePhase } = await import("#phases/freeze");
    return { outs: { ...news, ...(await freezePhase(news)) } };
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
  declare readonly result: pulumi.Output<FreezeResult | null>;
  declare readonly record: pulumi.Output<PhaseRecord | null>;

  constructor(name: string, args: AdminFreezeArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { frozenAt: undefined, frozenFor: undefined, result: undefined, record: undefined };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "AdminFreeze");
  }
}
