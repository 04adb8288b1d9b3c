import { randomUUID } from "node:crypto";
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
const jwks = z.looseObject({ keys: z.array(z.looseObject({ kid: z.string(), use: z.string().optional() })) });

/** `GET /admin/realms/{realm}/keys`. */
export type LabKeys = z.infer<typeof realmKeys>;
/** A key provider component. */
export type LabComponent = z.infer<typeof component>;

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

  async deleteRealm(realm: string): Promise<void> {
    await this.send("DELETE", `/${realm}`);
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
    if (!created) throw new Error(`Keycloak took key provider ${name}, but doesn't list it`);
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

  async createUser(realm: string, username: string, password: string): Promise<void> {
    await this.send("POST", `/${realm}/users`, userRepresentation({ username, password }));
  }

  async createRole(realm: string, name: string): Promise<void> {
    await this.send("POST", `/${realm}/roles`, { name });
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
    if (status !== 200) throw new Error(`the JWKS of realm ${realm} answered ${status}`);
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
function userRepresentation({ username, password }: LabUser): Record<string, unknown> {
  return {
    username,
    enabled: true,
    email: `${username}@example.com`,
    emailVerified: true,
    firstName: username,
    lastName: "Lab",
    credentials: [{ type: "password", value: password, temporary: false }],
  };
}
