import * as pulumi from "@pulumi/pulumi";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { Algorithm } from "#operations/keys/realm-keys";
import type { SigningKeyInputs, SigningKeyOutputs } from "#operations/phases/publish";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<SigningKeyInputs, SigningKeyOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isOtherKey } = await import("#phases/publish");
    const isOther = isOtherKey(olds, news);
    return { changes: isOther, replaces: isOther ? ["rotation"] : [] };
  },
  async create(inputs) {
    const { publishPhase } = await import("#phases/publish");
    const outs = await publishPhase(inputs);
    return { id: outs.componentId, outs };
  },
  async read(id, props) {
    const { keyComponentExists } = await import("#phases/publish");
    if (props && (await keyComponentExists(props.realm, id))) return { id, props };
    return { id: "" };
  },
  async delete() {
    // Forgets. What the key may still do is decided by the cut-over, never by the end of a resource.
  },
};

/**
 * A key provider component of the realm, made for one rotation and one algorithm. It is published and does not sign
 * until {@link KeyCutover} makes it. Deleting the resource leaves the key in Keycloak as it is.
 *
 * Not `keycloak.RealmKeystoreRsaGenerated`: that attaches the key to the realm's name instead of its id, and in a
 * realm where they differ the key then never signs (keycloak/terraform-provider-keycloak#1368).
 */
export class SigningKey extends pulumi.dynamic.Resource {
  declare readonly componentId: pulumi.Output<string>;
  declare readonly kid: pulumi.Output<string>;
  declare readonly algorithm: pulumi.Output<Algorithm>;
  /** Name of the key provider in Keycloak. */
  declare readonly keyName: pulumi.Output<string>;
  /** SHA-256 of the DER certificate, hex; empty for EC and EdDSA keys, which have none. */
  declare readonly certificateThumbprint: pulumi.Output<string>;
  /** ISO 8601 UTC. */
  declare readonly publishedAt: pulumi.Output<string>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: Args<SigningKeyInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      componentId: undefined,
      kid: undefined,
      keyName: undefined,
      certificateThumbprint: undefined,
      publishedAt: undefined,
      record: undefined,
    };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "SigningKey");
  }
}
