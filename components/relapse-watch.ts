import * as pulumi from "@pulumi/pulumi";
import type { Packed } from "#operations/base/packed";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { WatchInputs, WatchOutputs } from "#operations/phases/watch";
import type { WatchResult } from "#operations/proof/relapse";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<WatchInputs, WatchOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isWatchDue } = await import("#phases/watch");
    return { changes: isWatchDue(olds, news) };
  },
  async create(inputs) {
    const { watchPhase } = await import("#phases/watch");
    return { id: `watch-${inputs.realm}`, outs: await watchPhase(inputs) };
  },
  async update(_id, olds, news) {
    const { watchPhase } = await import("#phases/watch");
    return { outs: await watchPhase(news, olds) };
  },
};

/**
 * After the proof of an emergency, asks every process and JWKS URL again for a while: a cache that is stale somewhere brings
 * a retired key back with an instance's next fetch. What it finds is kept in the state; `Evidence` makes a relapse fail the
 * run, and it is watched again until no key comes back.
 */
export class RelapseWatch extends pulumi.dynamic.Resource {
  /** The verification that it followed, by its time; null where it followed none. */
  declare readonly watchedAfter: pulumi.Output<string | null>;
  /** When it ended, ISO 8601 UTC; null where there was no watch. */
  declare readonly watchedAt: pulumi.Output<string | null>;
  /** Whether a retired key came back. */
  declare readonly relapsed: pulumi.Output<boolean>;
  /** Secret, for the length of it: everything that was found. */
  declare readonly result: pulumi.Output<Packed<WatchResult> | null>;
  declare readonly record: pulumi.Output<PhaseRecord | null>;

  constructor(name: string, args: Args<WatchInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      watchedAfter: undefined,
      watchedAt: undefined,
      relapsed: undefined,
      result: undefined,
      record: undefined,
    };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["result"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "RelapseWatch");
  }
}
