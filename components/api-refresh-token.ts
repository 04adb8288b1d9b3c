import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { ConfiguredFleet } from "#operations/config/fleet-settings";
import type { KubernetesTarget } from "#operations/fleet/kubernetes/kubernetes-target";
import { ApiRefreshTokenHistory } from "./api-refresh-token-history.ts";
import type { KeyRotation } from "./key-rotation.ts";
import { packed } from "./phase-args.ts";
import { TokenRollout } from "./token-rollout.ts";
import { TokenSecret, type TokenSecretArgs } from "./token-secret.ts";

export interface ApiRefreshTokenArgs {
  /** Secret. Default: one is generated. */
  apiRefreshToken?: pulumi.Output<string>;
  /** Another number generates another one. */
  apiRefreshTokenVersion: number;
  /** A Secret is kept for each Kubernetes target that names one. */
  fleet: ConfiguredFleet;
  /** The `kubernetes:` config namespace. */
  kubernetes: { kubeconfig?: pulumi.Output<string>; context?: string };
}

/**
 * The bearer token of the instances' refresh operation, and the Kubernetes Secrets that hold it. A new one reaches
 * pods only by a restart, which comes last: {@link rollOut}.
 */
export class ApiRefreshToken extends pulumi.ComponentResource {
  /** Secret: what the instances take as INTERNAL_JWKS_REFRESH_TOKEN. */
  readonly token: pulumi.Output<string>;
  /** Secret: every token that an instance may have. */
  readonly candidates: pulumi.Output<string[]>;
  readonly #secrets: { target: KubernetesTarget; kept: TokenSecret }[];

  constructor(name: string, args: ApiRefreshTokenArgs, opts?: pulumi.ComponentResourceOptions) {
    super("jwks:index:ApiRefreshToken", name, {}, opts);
    const given = args.apiRefreshToken ?? this.#generate(name, args.apiRefreshTokenVersion);
    const own = new ApiRefreshTokenHistory(name, { given }, { parent: this });
    this.#secrets = args.fleet.targets.flatMap((target) =>
      target.kind === "kubernetes" && target.secret
        ? [this.#keep(name, { target, secret: target.secret, given }, args.kubernetes)]
        : [],
    );
    const [first] = this.#secrets;
    this.token = pulumi.secret((first?.kept.token ?? own).tokens.apply(([token = ""]) => token));
    const all = [...this.#secrets.map(({ kept }) => kept.token), own];
    // A pod that can't start without its Secret can't be asked: whoever takes the tokens waits for the Secrets, too.
    const kept = pulumi.all(this.#secrets.map(({ kept }) => kept.secret.id));
    this.candidates = pulumi.secret(
      pulumi
        .all([pulumi.all(all.map(({ tokens }) => tokens)), kept])
        .apply(([lists]) => [...new Set(lists.flat())]),
    );
    this.registerOutputs();
  }

  /** The first version has no keeper, so that a stack that never had a version keeps its token. */
  #generate(name: string, version: number): pulumi.Output<string> {
    const keepers = version > 1 ? { keepers: { version: String(version) } } : {};
    return new random.RandomBytes(name, { length: 32, ...keepers }, { parent: this }).hex;
  }

  #keep(
    name: string,
    { target, secret, given }: Pick<TokenSecretArgs, "target" | "secret" | "given">,
    kubernetes: ApiRefreshTokenArgs["kubernetes"],
  ) {
    const kubeconfig = target.kubeconfig ?? kubernetes.kubeconfig;
    const context = target.context ?? (target.kubeconfig === undefined ? kubernetes.context : undefined);
    const args = { target, secret, given, kubeconfig, context };
    return { target, kept: new TokenSecret(`${name}-${target.name}`, args, { parent: this }) };
  }

  /** Has the pods take a new token, once the rotations that work with the one they run with are through. */
  rollOut(
    rotations: readonly KeyRotation[],
    { refresh, restart }: Pick<ConfiguredFleet, "refresh" | "restart">,
  ): TokenRollout[] {
    return this.#secrets.map(({ target, kept: { token, secret } }) => {
      const concerned = rotations.filter((rotation) => rotation.covers(target));
      const kidsOf = (pick: (rotation: KeyRotation) => pulumi.Output<string[]>) =>
        pulumi.all(concerned.map(pick)).apply((lists) => lists.flat());
      return new TokenRollout(
        `token-rollout-${target.name}`,
        {
          details: packed({ target, fleet: { refresh, restart } }),
          tokens: token.tokens,
          changedAt: token.changedAt,
          newKids: kidsOf(({ kids }) => kids.apply(Object.values<string>)),
          retiredKids: kidsOf(({ retiredKids }) => retiredKids),
        },
        { dependsOn: [...rotations, secret] },
      );
    });
  }
}
