import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/evidence";
import type { PhaseRecord } from "#operations/evidence-schema";
import type { CanaryFindings, CanaryResult } from "#operations/mint-canaries";
import type { CanaryPhaseRequest } from "#operations/phases";
import type { ProbeSettings } from "#operations/probes";
import type { RefreshSettings } from "#operations/refresh";
import type { Target } from "#operations/targets";
import type { ProbeClient } from "#operations/tokens";
import { configure } from "./configure.ts";

export interface CanaryTokenArgs {
  run: RunContext;
  exemptKeys: string[];
  /** Where the API's processes are. */
  targets: Target[];
  probe: ProbeSettings;
  refresh: RefreshSettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  refreshTokens: pulumi.Input<string[]>;
  /** Secret. One for each algorithm. */
  probeClients: pulumi.Input<ProbeClient[]>;
}

const provider: pulumi.dynamic.ResourceProvider<
  CanaryPhaseRequest,
  CanaryPhaseRequest & Partial<CanaryResult>
> = {
  configure,
  async diff(_id, olds, news) {
    const { stepChanged } = await import("#operations/changed");
    return { changes: stepChanged(olds.run, news.run) };
  },
  async create(inputs) {
    const { canaryPhase } = await import("#operations/phases");
    return { id: `canary-${inputs.run.realm}`, outs: { ...inputs, ...(await canaryPhase(inputs)) } };
  },
  async update(_id, olds, news) {
    const { canaryPhase } = await import("#operations/phases");
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
