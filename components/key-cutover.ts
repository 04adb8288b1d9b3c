import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { CutoverFindings, Findings } from "#operations/evidence/findings";
import type { ProbeSettings } from "#operations/fleet/probe-settings";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { Target } from "#operations/fleet/targets";
import type { CutoverPhaseRequest } from "#operations/phases/cut-over";
import { configure } from "./configure.ts";

export interface KeyCutoverArgs {
  run: RunContext;
  /** Components of this rotation's signing keys. */
  componentIds: pulumi.Input<pulumi.Input<string>[]>;
  /** Names of key providers that stay as they are. Default in the stack config: none. */
  exemptKeys: string[];
  /** Milliseconds for which keys that no longer sign stay trusted, where the mode is not emergency. */
  overlapMs: number;
  /** Rotations whose disabled keys stay in Keycloak when a later one is retired. */
  keepRetired: number;
  /** What it is about to change, in words, for whoever reads a preview. */
  actions: string[];
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. */
  jwksTimeoutMs: number;
  /** Where the API's processes are: those that have appeared since the canaries were minted are asked in time. */
  targets: Target[];
  probe: ProbeSettings;
  refresh: RefreshSettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
  /** Secret: the canaries' tokens by their `jti`. */
  canaryTokens: pulumi.Input<Record<string, string>>;
  /** What the phases before this one have found, the keys as they were among it. */
  before: pulumi.Input<Findings>;
}

const provider: pulumi.dynamic.ResourceProvider<CutoverPhaseRequest> = {
  configure,
  async diff(_id, olds, news) {
    const { isCutoverDue } = await import("#phases/cut-over");
    return { changes: isCutoverDue(olds, news) };
  },
  async create(inputs) {
    const { cutoverPhase } = await import("#phases/cut-over");
    return { id: `cutover-${inputs.run.realm}`, outs: { ...inputs, ...(await cutoverPhase(inputs)) } };
  },
  async update(_id, olds, news) {
    const { cutoverPhase } = await import("#phases/cut-over");
    return { outs: { ...news, ...(await cutoverPhase(news, olds)) } };
  },
  async read(id, props) {
    const { isSettled } = await import("#phases/cut-over");
    return props ? { id, props: { ...props, settled: await isSettled(props) } } : { id };
  },
  async delete(_id, { run }) {
    const { forgetCutover } = await import("#phases/cut-over");
    forgetCutover(run);
  },
};

/**
 * Makes the new keys the realm's signers and then moves every other signing key, unmanaged and `fallback-*` ones
 * included: in an emergency they are disabled, else they stay trusted, until the first update after `retireAfter`
 * disables them. Waits until every JWKS URL shows it. Retiring is an update, never a delete: deletes run after
 * everything else, and a probe could not wait for them.
 */
export class KeyCutover extends pulumi.dynamic.Resource {
  declare readonly result: pulumi.Output<CutoverFindings>;
  /** Whether the realm was as the cut-over left it when it was last looked at. */
  declare readonly settled: pulumi.Output<boolean>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: KeyCutoverArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { result: undefined, settled: undefined, record: undefined };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "KeyCutover");
  }
}
