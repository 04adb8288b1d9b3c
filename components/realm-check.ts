import * as pulumi from "@pulumi/pulumi";
import type { CheckInputs, CheckOutputs } from "#operations/phases/check";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<CheckInputs, CheckOutputs> = {
  configure,
  async check(olds, news) {
    const { stateProblems } = await import("#phases/check");
    const problems = await stateProblems(olds, news);
    return { inputs: news, failures: problems.map((reason) => ({ property: "rotation", reason })) };
  },
  async diff(_id, olds, news) {
    const { isCheckDue } = await import("#phases/check");
    return { changes: isCheckDue(olds, news) };
  },
  async create(inputs) {
    const { checkPhase } = await import("#phases/check");
    return { id: `check-${inputs.realm}`, outs: await checkPhase(inputs) };
  },
  async update(_id, olds, news) {
    const { checkPhase } = await import("#phases/check");
    return { outs: await checkPhase(news, olds) };
  },
};

/**
 * Stops the rotation of a realm that can't be rotated, before anything of it is touched; of several realms only when the
 * others are through. Most problems stop the program before it has a resource. What is left for this one are those of one
 * realm of several, and a key that the state does not know.
 */
export class RealmCheck extends pulumi.dynamic.Resource {
  constructor(name: string, args: Args<CheckInputs>, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args }, opts, "jwks", "RealmCheck");
  }
}
