import * as pulumi from "@pulumi/pulumi";
import type { KubernetesTarget } from "#operations/fleet/kubernetes/kubernetes-target";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { RestartSettings } from "#operations/fleet/restart";
import type { TokenRolloutPhaseRequest } from "#operations/phases/token";
import { configure } from "./configure.ts";

export interface TokenRolloutArgs {
  target: KubernetesTarget;
  refresh: RefreshSettings;
  restart: RestartSettings;
  /** Secret. The token that the pods shall have comes first. */
  tokens: pulumi.Input<string[]>;
  /** When that one was made, ISO 8601 UTC. */
  changedAt: pulumi.Input<string>;
  /** Kids that a refreshed pod has. */
  newKids: pulumi.Input<string[]>;
  /** Kids that it no longer has. */
  retiredKids: pulumi.Input<string[]>;
}

const provider: pulumi.dynamic.ResourceProvider<TokenRolloutPhaseRequest> = {
  configure,
  async diff(_id, olds, news) {
    return { changes: olds.changedAt !== news.changedAt };
  },
  async create(inputs) {
    const { tokenRolloutPhase } = await import("#phases/token");
    return {
      id: `token-rollout-${inputs.target.name}`,
      outs: { ...inputs, ...(await tokenRolloutPhase(inputs)) },
    };
  },
  async update(_id, _olds, news) {
    const { tokenRolloutPhase } = await import("#phases/token");
    return { outs: { ...news, ...(await tokenRolloutPhase(news)) } };
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

  constructor(name: string, args: TokenRolloutArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { pods: undefined, restarted: undefined, finishedAt: undefined };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "TokenRollout");
  }
}
