import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import type { ProbeClient } from "#operations/canaries/tokens";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { ProbeSettings } from "#operations/fleet/probe-settings";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { Target } from "#operations/fleet/targets";
import type { CanaryPhaseRequest } from "#operations/phases/canary";
import type { CanaryFindings, CanaryResult } from "#operations/proof/canary-findings";
import { configure } from "./configure.ts";

export interface CanaryTokenArgs {
  run: RunContext;
  exemptKeys: string[];
  /** Where the API's processes are. */
  targets: Target[];
  probe: ProbeSettings;
  refresh: RefreshSettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
  /** Secret. One for each algorithm. */
  probeClients: pulumi.Input<ProbeClient[]>;
}

const provider: pulumi.dynamic.ResourceProvider<
  CanaryPhaseRequest,
  CanaryPhaseRequest & Partial<CanaryResult>
> = {
  configure,
  async diff(_id, olds, news) {
    const { isCanaryDue } = await import("#phases/canary");
    return { changes: isCanaryDue(olds, news) };
  },
  async create(inputs) {
    const { canaryPhase } = await import("#phases/canary");
    return { id: `canary-${inputs.run.realm}`, outs: { ...inputs, ...(await canaryPhase(inputs)) } };
  },
  async update(_id, olds, news) {
    const { canaryPhase } = await import("#phases/canary");
    return { outs: { ...news, ...(await canaryPhase(news, olds)) } };
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
  /** Secret: the canaries' tokens by their `jti`. */
  declare readonly tokens: pulumi.Output<Record<string, string>>;
  /** The keys, the JWKS and every instance's verdict before anything was changed. */
  declare readonly findings: pulumi.Output<CanaryFindings>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: CanaryTokenArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { tokens: undefined, findings: undefined, record: undefined };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["tokens"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "CanaryToken");
  }
}
