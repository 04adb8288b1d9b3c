import * as pulumi from "@pulumi/pulumi";
import type { RetiredKey } from "#operations/cut-over";
import type { RunContext } from "#operations/evidence";
import type { PhaseRecord } from "#operations/evidence-schema";
import type { Baseline, CanaryReference } from "#operations/mint-canaries";
import type { RefreshPhaseRequest } from "#operations/phases";
import type { ProbeSettings } from "#operations/probes";
import type { RefreshResult, RefreshSettings } from "#operations/refresh";
import type { RestartResult, RestartSettings } from "#operations/restart";
import type { Target } from "#operations/targets";
import { configure } from "./configure.ts";

export interface JwksRefreshArgs {
  run: RunContext;
  /** Where the API's processes are. */
  targets: Target[];
  refresh: RefreshSettings;
  restart: RestartSettings;
  probe: ProbeSettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  refreshTokens: pulumi.Input<string[]>;
  newKids: pulumi.Input<pulumi.Input<string>[]>;
  retired: pulumi.Input<RetiredKey[]>;
  canaries: pulumi.Input<CanaryReference[]>;
  /** Secret: the canaries' tokens by their `jti`. */
  canaryTokens: pulumi.Input<Record<string, string>>;
  /** Every instance's verdict before the cut-over. Long, so best given as a secret: diffs then stay readable. */
  baseline: pulumi.Input<Baseline[]>;
  /** Completion time of the cut-over to enforce: another one makes it run again. */
  after: pulumi.Input<string>;
}

const provider: pulumi.dynamic.ResourceProvider<RefreshPhaseRequest> = {
  configure,
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
 * Has every instance fetch the JWKS anew, and restarts what can't be refreshed or keeps its cache. Runs after each
 * cut-over, and again on the next `up` while an instance is left. What an instance claims is not proof: that is
 * `Verification`'s.
 */
export class JwksRefresh extends pulumi.dynamic.Resource {
  declare readonly results: pulumi.Output<RefreshResult[]>;
  declare readonly restarts: pulumi.Output<RestartResult[]>;
  /** Whether no instance is left that is known to need a refresh or a restart. */
  declare readonly complete: pulumi.Output<boolean>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: JwksRefreshArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { results: undefined, restarts: undefined, complete: undefined, record: undefined };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "JwksRefresh");
  }
}
