import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import type { CanaryReference } from "#operations/canaries/canary";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { ProbeSettings } from "#operations/fleet/probe-settings";
import type { RefreshResult, RefreshSettings } from "#operations/fleet/refresh";
import type { RestartResult, RestartSettings } from "#operations/fleet/restart";
import type { Target } from "#operations/fleet/targets";
import type { RetiredKey } from "#operations/keys/retired-key";
import type { EnforcePhaseRequest } from "#operations/phases/enforce";
import type { Baseline } from "#operations/proof/canary-findings";
import { configure } from "./configure.ts";

export interface KeyEnforcementArgs {
  run: RunContext;
  /** Where the API's processes are. */
  targets: Target[];
  refresh: RefreshSettings;
  restart: RestartSettings;
  probe: ProbeSettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
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

const provider: pulumi.dynamic.ResourceProvider<EnforcePhaseRequest> = {
  configure,
  async diff(_id, olds, news) {
    const { isEnforcementDue } = await import("#phases/enforce");
    return { changes: isEnforcementDue(olds, news) };
  },
  async create(inputs) {
    const { enforcePhase } = await import("#phases/enforce");
    return { id: `enforcement-${inputs.run.realm}`, outs: { ...inputs, ...(await enforcePhase(inputs)) } };
  },
  async update(_id, _olds, news) {
    const { enforcePhase } = await import("#phases/enforce");
    return { outs: { ...news, ...(await enforcePhase(news)) } };
  },
};

/**
 * Has every instance fetch the JWKS anew, and restarts what can't be refreshed or keeps its cache. Runs after each
 * cut-over, and again on the next `up` while an instance is left. What an instance claims is not proof: that is
 * `Verification`'s.
 */
export class KeyEnforcement extends pulumi.dynamic.Resource {
  declare readonly results: pulumi.Output<RefreshResult[]>;
  declare readonly restarts: pulumi.Output<RestartResult[]>;
  /** Whether no instance is left that is known to need a refresh or a restart. */
  declare readonly complete: pulumi.Output<boolean>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: KeyEnforcementArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { results: undefined, restarts: undefined, complete: undefined, record: undefined };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "KeyEnforcement");
  }
}
