import * as kubernetes from "@pulumi/kubernetes/core/v1/index.js";
import { Provider } from "@pulumi/kubernetes/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { type TokenSecret as SecretPlace, tokenKey } from "#operations/fleet/api-refresh-token";
import type { KubernetesTarget } from "#operations/fleet/kubernetes/kubernetes-target";
import { ApiRefreshTokenHistory } from "./api-refresh-token-history.ts";

export interface TokenSecretArgs {
  target: KubernetesTarget;
  secret: SecretPlace;
  /** Secret. The token that the pods shall have; an adopted Secret keeps its own until this changes. */
  given: pulumi.Input<string>;
  /** Secret. Contents or path of the kubeconfig. Default: KUBECONFIG, or the pod's own account. */
  kubeconfig?: pulumi.Input<string> | undefined;
  /** Default: the kubeconfig's current one. */
  context?: string | undefined;
}

/**
 * The Kubernetes Secret that a target's pods take their API refresh token from. It is changed in place, and `destroy`
 * leaves it: pods could not start without it.
 */
export class TokenSecret extends pulumi.ComponentResource {
  /** The token that the pods shall have, and those that they may still have. */
  readonly token: ApiRefreshTokenHistory;
  readonly secret: pulumi.CustomResource;

  constructor(name: string, args: TokenSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("jwks:index:TokenSecret", name, {}, opts);
    const { target, secret, given } = args;
    this.token = new ApiRefreshTokenHistory(
      `${name}-token`,
      { given, place: { target, secret } },
      { parent: this },
    );
    const provider = this.#provider(name, args);
    const data = pulumi.secret(
      this.token.tokens.apply(([token = ""]) => ({ [tokenKey]: Buffer.from(token).toString("base64") })),
    );
    const metadata = {
      name: secret.name,
      namespace: target.namespace,
      // The token is this stack's, whoever else has written it: a killed run of its own, or the team before.
      annotations: { "pulumi.com/patchForce": "true" },
    };
    // What kubectl has noted of an adopted Secret holds its former token.
    const additionalSecretOutputs = ["metadata"];
    const options = { parent: this, provider, retainOnDelete: true, additionalSecretOutputs };
    this.secret = secret.adopt
      ? new kubernetes.SecretPatch(name, { metadata, data }, options)
      : new kubernetes.Secret(name, { metadata, type: "Opaque", data }, options);
    this.registerOutputs();
  }

  #provider(name: string, { target, kubeconfig, context }: TokenSecretArgs): Provider {
    return new Provider(
      `${name}-cluster`,
      {
        enableSecretMutable: true,
        // A run that was killed right after it had made the Secret must find it its own.
        upsertExistingObjects: true,
        // A cluster that is down must not stop an emergency with --refresh; the rollout of a new token fails by itself.
        skipUpdateUnreachable: true,
        // An API server that has moved, or has a new certificate, is the same cluster.
        clusterIdentifier: [target.name, context ?? "", target.namespace].join("/"),
        ...(kubeconfig === undefined ? {} : { kubeconfig: pulumi.secret(kubeconfig) }),
        ...(context === undefined ? {} : { context }),
      },
      { parent: this },
    );
  }
}
