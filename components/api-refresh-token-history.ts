import * as pulumi from "@pulumi/pulumi";
import type { ApiRefreshTokenRequest } from "#operations/fleet/api-refresh-token";
import { configure } from "./configure.ts";

export interface ApiRefreshTokenHistoryArgs {
  /** Secret. The token that instances shall have. */
  given: pulumi.Input<string>;
  /** Where the token's Secret is. Default: nowhere, instances get the token in another way. */
  place?: ApiRefreshTokenRequest["place"];
}

interface Outputs {
  tokens: string[];
  /** ISO 8601 UTC. */
  changedAt: string;
}

const provider: pulumi.dynamic.ResourceProvider<ApiRefreshTokenRequest, ApiRefreshTokenRequest & Outputs> = {
  configure,
  async diff(_id, olds, news) {
    return { changes: olds.given !== news.given };
  },
  async create(inputs) {
    const { firstTokens } = await import("#phases/api-refresh-token");
    const tokens = await firstTokens(inputs);
    return { id: "api-refresh-token", outs: { ...inputs, tokens, changedAt: new Date().toISOString() } };
  },
  async update(_id, olds, news) {
    const { nextTokens } = await import("#phases/api-refresh-token");
    const tokens = nextTokens(olds.tokens, news.given);
    return { outs: { ...news, tokens, changedAt: new Date().toISOString() } };
  },
};

/**
 * The refresh token that instances shall have, and those that they may still have. While a new one is rolled out, some
 * pods run with it and some with the one before, and both kinds have to be refreshed.
 */
export class ApiRefreshTokenHistory extends pulumi.dynamic.Resource {
  /** Secret. The one that instances shall have comes first. */
  declare readonly tokens: pulumi.Output<string[]>;
  /** When that one was made, ISO 8601 UTC. */
  declare readonly changedAt: pulumi.Output<string>;

  constructor(name: string, args: ApiRefreshTokenHistoryArgs, opts?: pulumi.CustomResourceOptions) {
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["tokens", "given"] });
    const outputs = { tokens: undefined, changedAt: undefined };
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "ApiRefreshTokenHistory");
  }
}
