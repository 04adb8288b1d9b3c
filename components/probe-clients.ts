import * as pulumi from "@pulumi/pulumi";
import { configure } from "./configure.ts";

export interface ProbeClientsArgs {
  /** The realm's name. */
  realm: pulumi.Input<string>;
}

type Inputs = { realm: string };

const provider: pulumi.dynamic.ResourceProvider<Inputs, Inputs> = {
  configure,
  async diff(_id, olds, news) {
    const isOther = olds.realm !== news.realm;
    return { changes: isOther, replaces: isOther ? ["realm"] : [] };
  },
  async create(inputs) {
    return { id: `probes-${inputs.realm}`, outs: inputs };
  },
  async delete(_id, props) {
    const { forgetProbes } = await import("#phases/probes");
    await forgetProbes(props);
  },
};

/**
 * Keycloak clients whose service accounts mint the tokens that instances are probed with. They are made, or set right, by
 * the phases that need them, each time: a client that somebody has deleted, or that a lost state knows nothing of, must
 * not keep a stolen key alive. This resource only sees to it that `destroy` removes them.
 *
 * Not `keycloak.openid.Client`: that fails where the client is there already, and keeps a secret that may be outdated.
 */
export class ProbeClients extends pulumi.dynamic.Resource {
  constructor(name: string, args: ProbeClientsArgs, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args }, opts, "jwks", "ProbeClients");
  }
}
