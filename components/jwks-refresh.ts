import * as pulumi from "@pulumi/pulumi";
import type { PhaseRecord } from "#operations/evidence-schema";
import type { Instance } from "#operations/instances";
import type { RefreshPhaseRequest } from "#operations/phases";
import type { RefreshResult, RefreshSettings } from "#operations/refresh";

export interface JwksRefreshArgs {
  instances: Instance[];
  refresh: RefreshSettings;
  /** Secret. The bearer token of the instances' refresh operation. */
  refreshToken: pulumi.Input<string>;
  newKids: pulumi.Input<pulumi.Input<string>[]>;
  retiredKids: pulumi.Input<string[]>;
  /** Completion time of the cut-over to enforce: another one makes it run again. */
  after: pulumi.Input<string>;
}

type Inputs = RefreshPhaseRequest & { after: string };

const provider: pulumi.dynamic.ResourceProvider<Inputs> = {
  async diff(_id, olds, news) {
    return { changes: olds.after !== news.after || olds.complete !== true };
  },
  async create(inputs) {
    const { refreshPhase } = await import("#operations/phases");
    return { id: "jwks-refresh", outs: { ...inputs, ...(await refreshPhase(inputs)) } };
  },
  async update(_id, _olds, news) {
    const { refreshPhase } = await import("#operations/phases");
    return { outs: { ...news, ...(await refreshPhase(news)) } };
  },
};

/**
 * Has every instance fetch the JWKS anew. Runs after each cut-over, and again on the next `up` while an instance has
 * not claimed it. What an instance claims is not proof: that is {@link Verification}'s.
 */
export class JwksRefresh extends pulumi.dynamic.Resource {
  declare readonly results: pulumi.Output<RefreshResult[]>;
  /** Whether every instance has claimed to be refreshed. */
  declare readonly complete: pulumi.Output<boolean>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: JwksRefreshArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { results: undefined, complete: undefined, record: undefined };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "JwksRefresh");
  }
}
