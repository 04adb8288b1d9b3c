import * as keycloak from "@pulumi/keycloak";
import * as pulumi from "@pulumi/pulumi";
import type { ProbeClient } from "#operations/canaries/tokens";

export interface ProbeClientsArgs {
  /** The realm's name. */
  realm: string;
  /** One client is made for each. */
  algorithms: readonly string[];
  /** Values for the tokens' `aud` claim. */
  audience: readonly string[];
  /** Realm roles that the API demands of a caller. */
  realmRoles: readonly string[];
}

/**
 * Seconds: 90 days, so that the canaries of a planned rotation outlive its overlap by far; they die with their key
 * anyway. Only tokens with offline access live that long: Keycloak caps all others at the realm's SSO session maximum.
 */
const canaryLifespan = "7776000";

/**
 * Keycloak clients whose service accounts mint the tokens that instances are probed with: one for each algorithm,
 * and one whose tokens live for a second.
 */
export class ProbeClients extends pulumi.ComponentResource {
  /** Secret. In the order of `algorithms`. */
  readonly clients: pulumi.Output<ProbeClient[]>;
  /** Secret. */
  readonly expired: pulumi.Output<ProbeClient>;

  constructor(name: string, args: ProbeClientsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("jwks:index:ProbeClients", name, {}, opts);
    const [first = "RS256"] = args.algorithms;
    this.clients = pulumi.secret(
      pulumi.all(
        args.algorithms.map((algorithm) => this.#client(name, args, algorithm, algorithm, canaryLifespan)),
      ),
    );
    this.expired = pulumi.secret(this.#client(name, args, first, "expired", "1"));
    this.registerOutputs();
  }

  #client(name: string, args: ProbeClientsArgs, algorithm: string, suffix: string, lifespan: string) {
    const id = `${name}-${suffix.toLowerCase()}`;
    const client = new keycloak.openid.Client(
      id,
      {
        realmId: args.realm,
        clientId: `jwks-break-glass-probe-${suffix.toLowerCase()}`,
        name: `JWKS break-glass probe (${suffix})`,
        description: "Mints the tokens with which key rotations are verified. Managed by Pulumi.",
        accessType: "CONFIDENTIAL",
        serviceAccountsEnabled: true,
        standardFlowEnabled: false,
        directAccessGrantsEnabled: false,
        accessTokenLifespan: lifespan,
        extraConfig: { "access.token.signed.response.alg": algorithm },
      },
      { parent: this },
    );
    for (const audience of args.audience) this.#addAudience(id, args.realm, client, audience);
    for (const role of args.realmRoles) this.#grant(id, args.realm, client, role);
    return pulumi
      .all([client.clientId, client.clientSecret])
      .apply(([clientId, clientSecret]): ProbeClient => ({ algorithm, clientId, clientSecret }));
  }

  #addAudience(id: string, realm: string, client: keycloak.openid.Client, audience: string): void {
    new keycloak.openid.AudienceProtocolMapper(
      `${id}-aud-${audience}`,
      {
        realmId: realm,
        clientId: client.id,
        name: `aud ${audience}`,
        includedCustomAudience: audience,
        addToIdToken: false,
      },
      { parent: this },
    );
  }

  #grant(id: string, realm: string, client: keycloak.openid.Client, role: string): void {
    new keycloak.openid.ClientServiceAccountRealmRole(
      `${id}-role-${role}`,
      { realmId: realm, serviceAccountUserId: client.serviceAccountUserId, role },
      { parent: this },
    );
  }
}
