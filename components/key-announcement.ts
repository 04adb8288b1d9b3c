import * as pulumi from "@pulumi/pulumi";
import type { Packed } from "#operations/base/packed";
import type { AnnounceResult } from "#operations/enforce/announce";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { AnnouncementInputs, AnnouncementOutputs } from "#operations/phases/announce";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<AnnouncementInputs, AnnouncementOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isAnnouncementDue } = await import("#phases/announce");
    return { changes: isAnnouncementDue(olds, news) };
  },
  async create(inputs) {
    const { announcePhase } = await import("#phases/announce");
    return { id: `announcement-${inputs.realm}`, outs: await announcePhase(inputs) };
  },
  async update(_id, _olds, news) {
    const { announcePhase } = await import("#phases/announce");
    return { outs: await announcePhase(news) };
  },
};

/**
 * Has every instance know the new keys of a planned rotation before they sign, so that no token meets an instance that
 * can't verify it. Fails, with nothing changed, while an instance is left. An emergency has no time for it.
 */
export class KeyAnnouncement extends pulumi.dynamic.Resource {
  /** Kids that every instance has loaded; empty where none had to be announced. */
  declare readonly announced: pulumi.Output<string[]>;
  /** Secret, for the length of it. */
  declare readonly result: pulumi.Output<Packed<AnnounceResult> | null>;
  declare readonly record: pulumi.Output<PhaseRecord | null>;

  constructor(name: string, args: Args<AnnouncementInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      announced: undefined,
      result: undefined,
      record: undefined,
    };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["result"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "KeyAnnouncement");
  }
}
