import { randomUUID } from "node:crypto";
import { request } from "undici";
import { z } from "zod";
import type { LabKeycloak } from "./keycloak.ts";

const keys = z.looseObject({
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
  config: z.record(z.string(), z.array(z.string())),
});
export type LabKeys = z.infer<typeof keys>;
export type LabComponent = z.infer<typeof component>;

export interface TokenRequest {
  clientId: string;
  clientSecret?: string;
  /** With a password the grant is `password`, else `client_credentials`. */
  username?: string;
  password?: string;
}

/** What tests and drill do to a realm as its administrator: never more than a person with the console could. */
export class LabAdmin {
  readonly #keycloak: LabKeycloak;
  #token: { value: string; until: number } | undefined;

  constructor(keycloak: LabKeycloak) {
    this.#keycloak = keycloak;
  }

  /** Makes a realm as the console and the REST API do: its id is not its name, and its keys are the unmanaged defaults. */
  async createRealm(realm: string, settings: object = {}): Promise<void> {
    await this.send("POST", "", { realm, id: randomUUID(), enabled: true, ...settings });
    const { id } = z.looseObject({ id: z.string() }).parse(await this.get(`/${realm}`));
    if (id === realm) throw new Error("the realm's id is its name: this realm would not show what it is for");
  }

  async deleteRealm(realm: string): Promise<void> {
    await this.send("DELETE", `/${realm}`);
  }

  async keys(realm: string): Promise<LabKeys> {
    return keys.parse(await this.get(`/${realm}/keys`));
  }

  /** The realm's enabled signing keys that verifiers see. */
  async signingKeys(realm: string): Promise<LabKeys["keys"]> {
    const { keys } = await this.keys(realm);
    return keys.filter(({ use, type, status }) => use === "SIG" && type !== "OCT" && status !== "DISABLED");
  }

  async keyComponents(realm: string): Promise<LabComponent[]> {
    const type = "org.keycloak.keys.KeyProvider";
    return z.array(component).parse(await this.get(`/${realm}/components?type=${type}`));
  }

  /** Adds a key provider; answers its component id. */
  async createKey(realm: string, name: string, providerId: string, config: Record<string, string>): Promise<string> {
    const { id: parentId } = z.looseObject({ id: z.string() }).parse(await this.get(`/${realm}`));
    const lists = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, [value]]));
    await this.send("POST", `/${realm}/components`, {
      name,
      providerId,
      providerType: "org.keycloak.keys.KeyProvider",
      parentId,
      config: lists,
    });
    const created = (await this.keyComponents(realm)).find((one) => one.name === name);
    if (!created) throw new Error(`key provider ${name} is not there`);
    return created.id;
  }

  async setKey(realm: string, id: string, config: Record<string, string>): Promise<void> {
    const current = component.parse(await this.get(`/${realm}/components/${id}`));
    const lists = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, [value]]));
    await this.send("PUT", `/${realm}/components/${id}`, { ...current, config: { ...current.config, ...lists } });
  }

  async deleteKey(realm: string, id: string): Promise<void> {
    await this.send("DELETE", `/${realm}/components/${id}`);
  }

  /** Makes a confidential client with a service account and direct grants. */
  async createClient(realm: string, clientId: string, secret: string, attributes: Record<string, string> = {}) {
    await this.send("POST", `/${realm}/clients`, {
      clientId,
      secret,
      publicClient: false,
      serviceAccountsEnabled: true,
      directAccessGrantsEnabled: true,
      attributes,
    });
  }

  async createUser(realm: string, username: string, password: string): Promise<void> {
    await this.send("POST", `/${realm}/users`, {
      username,
      enabled: true,
      email: `${username}@example.com`,
      emailVerified: true,
      firstName: username,
      lastName: "Lab",
      credentials: [{ type: "password", value: password, temporary: false }],
    });
  }

  async createRole(realm: string, name: string): Promise<void> {
    await this.send("POST", `/${realm}/roles`, { name });
  }

  /** An access token of the realm. */
  async mint(realm: string, { clientId, clientSecret, username, password }: TokenRequest): Promise<string> {
    const form = new URLSearchParams({ client_id: clientId, scope: "openid", grant_type: "client_credentials" });
    if (clientSecret !== undefined) form.set("client_secret", clientSecret);
    if (username !== undefined && password !== undefined) {
      form.set("grant_type", "password");
      form.set("username", username);
      form.set("password", password);
    }
    return this.#tokenOf(realm, form);
  }

  issuer(realm: string): string {
    return `${this.#keycloak.url}/realms/${realm}`;
  }

  jwksUri(realm: string): string {
    return `${this.issuer(realm)}/protocol/openid-connect/certs`;
  }

  /** The kids that the realm publishes for signatures. */
  async publishedKids(realm: string): Promise<string[]> {
    const { body } = await request(this.jwksUri(realm));
    const set = z.looseObject({ keys: z.array(z.looseObject({ kid: z.string(), use: z.string() })) }).parse(await body.json());
    return set.keys.filter(({ use }) => use === "sig").map(({ kid }) => kid);
  }

  /** GET below `/admin/realms`. */
  async get(path: string): Promise<unknown> {
    return JSON.parse(await this.send("GET", path));
  }

  /** Any call below `/admin/realms`; throws on an answer that is not 2xx. */
  async send(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<string> {
    const answer = await request(`${this.#keycloak.url}/admin/realms${path}`, {
      method,
      headers: { authorization: `Bearer ${await this.#adminToken()}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: HTTP ${answer.statusCode}: ${text}`);
    return text;
  }

  async #adminToken(): Promise<string> {
    if (this.#token === undefined || this.#token.until < Date.now()) {
      const { adminClientId, adminClientSecret } = this.#keycloak;
      const form = new URLSearchParams({
        grant_type: "client_credentials",
        client_id: adminClientId,
        client_secret: adminClientSecret,
      });
      this.#token = { value: await this.#tokenOf("master", form), until: Date.now() + 30_000 };
    }
    return this.#token.value;
  }

  async #tokenOf(realm: string, form: URLSearchParams): Promise<string> {
    const answer = await request(`${this.issuer(realm)}/protocol/openid-connect/token`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: form.toString(),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`no token of realm ${realm}: HTTP ${answer.statusCode}: ${text}`);
    return z.object({ access_token: z.string() }).parse(JSON.parse(text)).access_token;
  }
}
