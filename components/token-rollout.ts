import * as pulumi from "@pulumi/pulumi";
import type { TokenRolloutInputs, TokenRolloutOutputs } from "#operations/phases/token";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<TokenRolloutInputs, TokenRolloutOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isTokenRolloutDue } = await import("#phases/token");
    return { changes: isTokenRolloutDue(olds, news) };
  },
  async create(inputs) {
    const { tokenRolloutPhase } = await import("#phases/token");
    return { id: "token-rollout", outs: await tokenRolloutPhase(inputs) };
  },
  async update(_id, _olds, news) {
    const { tokenRolloutPhase } = await import("#phases/token");
    return { outs: await tokenRolloutPhase(news) };
  },
};

/**
 * Sees to it that every pod of a target takes the API refresh token of its Secret, by a rolling restart where one does
 * not. It comes after the rotation, which works with the token that the running pods have.
 */
export class TokenRollout extends pulumi.dynamic.Resource {
  /** Pods that have shown that they take the token. */
  declare readonly pods: pulumi.Output<string[]>;
  /** Workloads that were restarted for it. */
  declare readonly restarted: pulumi.Output<string[]>;

  constructor(name: string, args: Args<TokenRolloutInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = { pods: undefined, restarted: undefined, finishedAt: undefined };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "TokenRollout");
  }
}
