import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import type { AnnounceResult } from "#operations/enforce/announce";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { Findings } from "#operations/evidence/findings";
import type { ProbeSettings } from "#operations/fleet/probe-settings";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { RestartSettings } from "#operations/fleet/restart";
import type { Target } from "#operations/fleet/targets";
import type { AnnounceOutputs, AnnouncePhaseRequest } from "#operations/phases/announce";
import { configure } from "./configure.ts";

export interface KeyAnnouncementArgs {
  run: RunContext;
  /** Where the API's processes are. */
  targets: Target[];
  refresh: RefreshSettings;
  restart: RestartSettings;
  probe: ProbeSettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. */
  jwksTimeoutMs: number;
  newKids: pulumi.Input<pulumi.Input<string>[]>;
  /** What the phases before this one have found, for the evidence should this one fail. */
  before: pulumi.Input<Findings>;
}

const provider: pulumi.dynamic.ResourceProvider<
  AnnouncePhaseRequest,
  AnnouncePhaseRequest & AnnounceOutputs
> = {
  configure,
  async diff(_id, olds, news) {
    const { isAnnouncementDue } = await import("#phases/announce");
    return { changes: isAnnouncementDue(olds, news) };
  },
  async create(inputs) {
    const { announcePhase } = await import("#phases/announce");
    return { id: `announcement-${inputs.run.realm}`, outs: { ...inputs, ...(await announcePhase(inputs)) } };
  },
  async update(_id, _olds, news) {
    const { announcePhase } = await import("#phases/announce");
    return { outs: { ...news, ...(await announcePhase(news)) } };
  },
};

/**
 * Has every instance know the new keys of a planned rotation before they sign, so that no token meets an instance that
 * can't verify it. Fails, with nothing changed, while an instance is left. An emergency has no time for it.
 */
export class KeyAnnouncement extends pulumi.dynamic.Resource {
  /** Kids that every instance has been told of; empty where none had to be. */
  declare readonly announced: pulumi.Output<string[]>;
  declare readonly result: pulumi.Output<AnnounceResult | null>;
  declare readonly record: pulumi.Output<PhaseRecord | null>;

  constructor(name: string, args: KeyAnnouncementArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { announced: undefined, result: undefined, record: undefined };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "KeyAnnouncement");
  }
}
