import * as pulumi from "@pulumi/pulumi";
import type { CheckInputs } from "#operations/phases/check";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

type CheckOutputs = Omit<CheckInputs, "details">;

const provider: pulumi.dynamic.ResourceProvider<CheckInputs, CheckOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isCheckDue } = await import("#phases/check");
    return { changes: isCheckDue(olds, news) };
  },
  async create(inputs) {
    const { checkPhase } = await import("#phases/check");
    return { id: `check-${inputs.realm}`, outs: await checkPhase(inputs) };
  },
  async update(_id, _olds, news) {
    const { checkPhase } = await import("#phases/check");
    return { outs: await checkPhase(news) };
  },
};

/**
 * Stops the rotation of one realm of several where it can't be rotated, before anything of it is touched, and only when
 * the other realms are through. A stack with one realm does without: its program stops before there is a resource.
 */
export class RealmCheck extends pulumi.dynamic.Resource {
  constructor(name: string, args: Args<CheckInputs>, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args }, opts, "jwks", "RealmCheck");
  }
}
