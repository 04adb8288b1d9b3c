import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { decodeJwt } from "jose";
import { z } from "zod";
import { exchange, fetchAdminToken, fetchToken, type KeycloakConnection } from "./keycloak-connection.ts";

const realmKeys = z.looseObject({
  active: z.record(z.string(), z.string()),
  keys: z.array(
    z.looseObject({
      kid: z.string().optional(),
      status: z.string(),
      algorithm: z.string().optional(),
      use: z.string().optional(),
      type: z.string().optional(),
      providerPriority: z.number(),
      providerId: z.string(),
    }),
  ),
});
const component = z.looseObject({
  id: z.string(),
  name: z.string(),
  providerId: z.string(),
  parentId: z.string().optional(),
  config: z.record(z.string(), z.array(z.string())),
});
const identified = z.looseObject({ id: z.string() });
const clientShape = z.looseObject({
  id: z.string(),
  clientId: z.string(),
  enabled: z.boolean(),
  attributes: z.record(z.string(), z.string()).default({}),
});
const session = z.looseObject({ id: z.string(), username: z.string(), start: z.number() });
const tokenEndpointBody = z.looseObject({
  access_token: z.string().optional(),
  refresh_token: z.string().optional(),
  error: z.string().optional(),
  error_description: z.string().optional(),
});
const loginBody = tokenEndpointBody.extend({ access_token: z.string(), refresh_token: z.string() });
const jwks = z.looseObject({ keys: z.array(z.looseObject({ kid: z.string(), use: z.string().optional() })) });

/** `GET /admin/realms/{realm}/keys`. */
export type LabKeys = z.infer<typeof realmKeys>;
/** A key provider component. */
export type LabComponent = z.infer<typeof component>;

/** A client's representation. */
export type LabClient = z.infer<typeof clientShape>;
/** A user session; `id` is the `sid` of its tokens. */
export type LabSession = z.infer<typeof session>;

/** What a client authenticates with at the token endpoint; a public client has no secret. */
export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret?: string;
}

/** What the token endpoint answered, a refusal too. */
export interface TokenAnswer {
  readonly status: number;
  readonly body: z.infer<typeof tokenEndpointBody>;
}

/** The answer to a login, with the session's id. */
export type Login = z.infer<typeof loginBody> & { readonly sid: string };

export interface UserOptions {
  /** Default: none, so no login. */
  readonly password?: string | undefined;
  /** Realm roles, which must exist. Default: the realm's default roles only. */
  readonly realmRoles?: readonly string[];
}

/** A test user, in a realm that {@link LabAdmin.createRealm} has made. */
export interface LabUser {
  readonly username: string;
  readonly password: string;
}

export interface LabRealm {
  readonly name: string;
  /** Keycloak's internal id: not the name, as in every realm that the console or an import has made. */
  readonly id: string;
  readonly issuer: string;
  /** A realm role that the user has. */
  readonly adminRole: "admin";
  readonly user: LabUser;
}

export interface TokenRequest {
  clientId: string;
  clientSecret: string;
  /** With a password the grant is `password` (a session with a `sid`), else `client_credentials` (none). */
  username?: string;
  password?: string;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";
const keyProviderType = "org.keycloak.keys.KeyProvider";

/** What tests and drill do to a realm as its administrator. Every method throws with Keycloak's answer where it refuses. */
export class LabAdmin {
  readonly #keycloak: KeycloakConnection;
  #token: { value: Promise<string>; until: number } | undefined;

  constructor(keycloak: KeycloakConnection) {
    this.#keycloak = keycloak;
  }

  /**
   * Makes a realm as the console and the REST API do, its id not its name, its keys the unmanaged defaults; with one
   * user and the realm role `admin`.
   *
   * @param name default: a random one
   * @param settings more of a realm representation, such as `accessTokenLifespan`
   */
  async createRealm(name = `lab-${randomUUID()}`, settings: object = {}): Promise<LabRealm> {
    const id = randomUUID();
    const user = { username: "alice", password: randomUUID() };
    const roles = { realm: [{ name: "admin" }] };
    const users = [{ ...userRepresentation(user), realmRoles: ["admin"] }];
    await this.send("POST", "", { realm: name, id, enabled: true, roles, users, ...settings });
    const made = identified.parse(await this.get(`/${name}`));
    if (made.id !== id) throw new Error(`Keycloak gave realm ${name} the id ${made.id} instead of ${id}`);
    return { name, id, issuer: this.issuer(name), adminRole: "admin", user };
  }

  /** Keycloak answers 500 while a request to the realm is still under way, such as one whose caller has given up. */
  async deleteRealm(realm: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.send("DELETE", `/${realm}`);
        return;
      } catch (error) {
        const answer = error instanceof Error ? error.message : "";
        if (attempt > 1 && answer.includes(": 404 ")) return;
        if (attempt === 5 || !answer.includes(": 500 ")) throw error;
        await delay(attempt * 200);
      }
    }
  }

  async keys(realm: string): Promise<LabKeys> {
    return realmKeys.parse(await this.get(`/${realm}/keys`));
  }

  /** The realm's enabled asymmetric signing keys: those that verifiers see. */
  async signingKeys(realm: string): Promise<LabKeys["keys"]> {
    const { keys } = await this.keys(realm);
    return keys.filter(({ use, type, status }) => use === "SIG" && type !== "OCT" && status !== "DISABLED");
  }

  async keyComponents(realm: string): Promise<LabComponent[]> {
    return z.array(component).parse(await this.get(`/${realm}/components?type=${keyProviderType}`));
  }

  /** Adds a key provider, such as `rsa-generated` with `{ priority: "200" }`; gives its component id. */
  async createKey(
    realm: string,
    name: string,
    providerId: string,
    config: Record<string, string>,
  ): Promise<string> {
    const { id: parentId } = identified.parse(await this.get(`/${realm}`));
    const body = { name, providerId, providerType: keyProviderType, parentId, config: listed(config) };
    await this.send("POST", `/${realm}/components`, body);
    const created = (await this.keyComponents(realm)).find((one) => one.name === name);
    if (!created) throw new Error(`Keycloak accepted key provider ${name}, but doesn't list it`);
    return created.id;
  }

  /** Changes some of a key provider's config, such as `{ enabled: "false" }`. */
  async setKey(realm: string, id: string, config: Record<string, string>): Promise<void> {
    const current = component.parse(await this.get(`/${realm}/components/${id}`));
    await this.send("PUT", `/${realm}/components/${id}`, {
      ...current,
      config: { ...current.config, ...listed(config) },
    });
  }

  async deleteKey(realm: string, id: string): Promise<void> {
    await this.send("DELETE", `/${realm}/components/${id}`);
  }

  /**
   * Makes a confidential client with a service account and direct grants; gives its credentials.
   *
   * @param secret default: a random one
   * @param attributes such as `access.token.signed.response.alg`
   */
  async createClient(
    realm: string,
    clientId: string,
    secret: string = randomUUID(),
    attributes: Record<string, string> = {},
  ): Promise<{ clientId: string; clientSecret: string }> {
    const grants = { publicClient: false, serviceAccountsEnabled: true, directAccessGrantsEnabled: true };
    await this.send("POST", `/${realm}/clients`, { clientId, secret, attributes, ...grants });
    return { clientId, clientSecret: secret };
  }

  /** Makes a client without a secret that takes logins by password. */
  async createPublicClient(realm: string, clientId: string): Promise<ClientCredentials> {
    const grants = { publicClient: true, directAccessGrantsEnabled: true };
    await this.send("POST", `/${realm}/clients`, { clientId, ...grants });
    return { clientId };
  }

  /** A client's representation, as an administrator sees it. Throws if it does not exist. */
  async client(realm: string, clientId: string): Promise<LabClient> {
    const found = await this.get(`/${realm}/clients?clientId=${encodeURIComponent(clientId)}`);
    const [client] = z.array(clientShape).parse(found);
    if (!client) throw new Error(`realm ${realm} has no client ${clientId}`);
    return client;
  }

  /**
   * Changes some of a client's representation; attributes too are laid over those that it has.
   *
   * @param id the internal one, {@link LabClient}'s `id`
   * @param change an attribute that is "" is removed
   */
  async setClient(realm: string, id: string, change: Partial<LabClient>): Promise<void> {
    const path = `/${realm}/clients/${id}`;
    const current = clientShape.parse(await this.get(path));
    const attributes = { ...current.attributes, ...change.attributes };
    await this.send("PUT", path, { ...current, ...change, attributes });
  }

  /** Makes a user, with a password if one is given. Gives the user's id. */
  async createUser(
    realm: string,
    username: string,
    { password, realmRoles = [] }: UserOptions = {},
  ): Promise<string> {
    await this.send("POST", `/${realm}/users`, userRepresentation({ username, password }));
    const id = await this.#userId(realm, username);
    const roles = await Promise.all(realmRoles.map((role) => this.get(`/${realm}/roles/${role}`)));
    if (roles.length > 0) await this.send("POST", `/${realm}/users/${id}/role-mappings/realm`, roles);
    return id;
  }

  async #userId(realm: string, username: string): Promise<string> {
    const found = await this.get(`/${realm}/users?exact=true&username=${encodeURIComponent(username)}`);
    const [user] = z.array(identified).parse(found);
    if (!user) throw new Error(`realm ${realm} has no user ${username}`);
    return user.id;
  }

  /** A user's sessions, those of offline tokens not among them. */
  async sessionsOf(realm: string, username: string): Promise<LabSession[]> {
    const id = await this.#userId(realm, username);
    return z.array(session).parse(await this.get(`/${realm}/users/${id}/sessions`));
  }

  async createRealmRole(realm: string, name: string): Promise<void> {
    await this.send("POST", `/${realm}/roles`, { name });
  }

  /**
   * Calls the realm's token endpoint and returns its answer, a refusal too.
   *
   * @param form `grant_type` and its parameters
   */
  async grant(realm: string, client: ClientCredentials, form: Record<string, string>): Promise<TokenAnswer> {
    const { clientId: client_id, clientSecret } = client;
    const secret = clientSecret === undefined ? {} : { client_secret: clientSecret };
    const { status, body } = await exchange(`${this.issuer(realm)}/protocol/openid-connect/token`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ client_id, ...secret, ...form }).toString(),
    });
    return { status, body: tokenEndpointBody.catch({}).parse(body) };
  }

  /**
   * Logs a user in, which makes a session. Throws where Keycloak refuses.
   *
   * @param scope default: `openid`
   */
  async login(
    realm: string,
    client: ClientCredentials,
    username: string,
    password: string,
    scope = "openid",
  ): Promise<Login> {
    const answer = await this.grant(realm, client, { grant_type: "password", username, password, scope });
    const { status, body } = answer;
    if (status !== 200) throw new Error(`${username} can't log in: ${status} ${JSON.stringify(body)}`);
    const tokens = loginBody.parse(body);
    return { ...tokens, sid: z.string().parse(decodeJwt(tokens.access_token).sid) };
  }

  /** Asks for new tokens of a session; a refusal is an answer too. */
  async refresh(realm: string, client: ClientCredentials, refreshToken: string): Promise<TokenAnswer> {
    return this.grant(realm, client, { grant_type: "refresh_token", refresh_token: refreshToken });
  }

  /** An access token of the realm. */
  async mint(realm: string, request: TokenRequest): Promise<string> {
    const { clientId: client_id, clientSecret: client_secret, username, password } = request;
    const grant =
      username !== undefined && password !== undefined
        ? { grant_type: "password", username, password }
        : { grant_type: "client_credentials" };
    return fetchToken(this.#keycloak.url, realm, { client_id, client_secret, scope: "openid", ...grant });
  }

  issuer(realm: string): string {
    return `${this.#keycloak.url}/realms/${realm}`;
  }

  jwksUri(realm: string): string {
    return `${this.issuer(realm)}/protocol/openid-connect/certs`;
  }

  /** The kids that the realm publishes for signatures. */
  async publishedKids(realm: string): Promise<string[]> {
    const { status, body } = await exchange(this.jwksUri(realm), {});
    if (status !== 200) throw new Error(`the JWKS of realm ${realm} answered HTTP ${status}`);
    return jwks.parse(body).keys.flatMap(({ kid, use }) => (use === "enc" ? [] : [kid]));
  }

  /** GET below `/admin/realms`. */
  async get(path: string): Promise<unknown> {
    return this.send("GET", path);
  }

  /** Any call below `/admin/realms`; gives the parsed body, and throws on an answer that is not 2xx. */
  async send(method: Method, path: string, content?: unknown): Promise<unknown> {
    const authorization = `Bearer ${await this.#adminToken()}`;
    const { status, body } = await exchange(`${this.#keycloak.url}/admin/realms${path}`, {
      method,
      headers: { authorization, "content-type": "application/json" },
      ...(content === undefined ? {} : { body: JSON.stringify(content) }),
    });
    if (status >= 200 && status < 300) return body;
    throw new Error(`${method} /admin/realms${path}: ${status} ${JSON.stringify(body)}`);
  }

  /** Keycloak's own lifetime for it is a minute. */
  #adminToken(): Promise<string> {
    if (this.#token === undefined || this.#token.until < Date.now()) {
      this.#token = { value: fetchAdminToken(this.#keycloak), until: Date.now() + 30_000 };
    }
    return this.#token.value;
  }
}

function listed(config: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, [value]]));
}

/** All that Keycloak demands of a profile: without it, the password grant says "Account is not fully set up". */
function userRepresentation({
  username,
  password,
}: Pick<LabUser, "username"> & UserOptions): Record<string, unknown> {
  return {
    username,
    enabled: true,
    email: `${username}@example.com`,
    emailVerified: true,
    firstName: username,
    lastName: "Lab",
    ...(password !== undefined && { credentials: [{ type: "password", value: password, temporary: false }] }),
  };
}
