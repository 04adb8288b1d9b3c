import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import type { Freeze } from "#operations/fleet/freeze-instances";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { Target } from "#operations/fleet/targets";
import type { ThawOutputs, ThawPhaseRequest } from "#operations/phases/freeze";
import { configure } from "./configure.ts";

export interface AdminThawArgs {
  run: RunContext;
  freeze: Freeze;
  /** Path of the instances' freeze operation. */
  freezePath: string;
  /** Where the API's processes are. */
  targets: Target[];
  refresh: RefreshSettings;
  /** Secret. The bearer tokens of the internal operations that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
  /** When it was frozen last, ISO 8601 UTC; null where it never was. */
  frozenAt: pulumi.Input<string | null>;
  /** When what was frozen was verified, ISO 8601 UTC; null where there is nothing to thaw after it. */
  verifiedAt: pulumi.Input<string | null>;
}

const provider: pulumi.dynamic.ResourceProvider<ThawPhaseRequest, ThawPhaseRequest & ThawOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isThawDue } = await import("#phases/freeze");
    return { changes: isThawDue(olds, news) };
  },
  async create(inputs) {
    const { thawPhase } = await import("#phases/freeze");
    return { id: `thaw-${inputs.run.realm}`, outs: { ...inputs, ...(await thawPhase(inputs)) } };
  },
  async update(_id, _olds, news) {
    const { thawPhase } = await import("#phases/freeze");
    return { outs: { ...news, ...(await thawPhase(news)) } };
  },
};

/**
 * Restores what {@link AdminFreeze} has frozen, exactly as it was. It comes after the evidence, so only after a green
 * verification; with `freeze: release` it waits for nothing.
 */
export class AdminThaw extends pulumi.dynamic.Resource {
  /** The freeze that was undone last, by its time; null where there was none. */
  declare readonly thawed: pulumi.Output<string | null>;

  constructor(name: string, args: AdminThawArgs, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { thawed: undefined, ...args }, opts, "jwks", "AdminThaw");
  }
}
