import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import { configure } from "./configure.ts";

export interface RealmCheckArgs {
  run: RunContext;
  /** What was found wrong with the realm; empty where it can be rotated. */
  problems: string[];
}

const provider: pulumi.dynamic.ResourceProvider<RealmCheckArgs> = {
  configure,
  async diff(_id, olds, news) {
    return { changes: olds.problems.length + news.problems.length > 0 };
  },
  async create(inputs) {
    const { checkPhase } = await import("#phases/check");
    await checkPhase(inputs);
    return { id: `check-${inputs.run.realm}`, outs: inputs };
  },
  async update(_id, _olds, news) {
    const { checkPhase } = await import("#phases/check");
    await checkPhase(news);
    return { outs: news };
  },
};

/**
 * Stops the rotation of one realm of several where it can't be rotated, before anything of it is touched, and only when
 * the other realms are through. A stack with one realm does without: its program stops before there is a resource.
 */
export class RealmCheck extends pulumi.dynamic.Resource {
  constructor(name: string, args: RealmCheckArgs, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args }, opts, "jwks", "RealmCheck");
  }
}
