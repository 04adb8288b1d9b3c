import { request } from "undici";
import * as z from "zod";
import { EngineError } from "../../engine-error.ts";
import type { PropertyMap } from "../../property-values.ts";

/** Keycloak answered, but not with success. */
export class KeycloakError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.name = "KeycloakError";
    this.status = status;
  }
}

export interface KeycloakConnection {
  readonly url: string;
  readonly basePath: string;
  readonly realm: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

const ENVIRONMENT: Record<string, string> = {
  url: "KEYCLOAK_URL",
  clientId: "KEYCLOAK_CLIENT_ID",
  clientSecret: "KEYCLOAK_CLIENT_SECRET",
  username: "KEYCLOAK_USER",
  password: "KEYCLOAK_PASSWORD",
  realm: "KEYCLOAK_REALM",
  basePath: "KEYCLOAK_BASE_PATH",
};

/** The connection of the `keycloak:` config, with the real provider's environment variables and defaults. */
export function keycloakConnection(config: PropertyMap, env: NodeJS.ProcessEnv): KeycloakConnection {
  const get = (key: string): string | undefined => {
    const value = config[key] ?? env[ENVIRONMENT[key] ?? ""];
    return value === undefined || value === null || value === "" ? undefined : String(value);
  };
  const url = get("url");
  const clientId = get("clientId") ?? (get("username") === undefined ? undefined : "admin-cli");
  if (url === undefined || clientId === undefined) {
    throw new EngineError(
      "the keycloak provider needs keycloak:url and keycloak:clientId in the stack's config",
    );
  }
  return {
    url: url.replace(/\/$/, ""),
    basePath: get("basePath") ?? "",
    realm: get("realm") ?? "master",
    clientId,
    clientSecret: get("clientSecret"),
    username: get("username"),
    password: get("password"),
  };
}

type Method = "GET" | "POST" | "PUT" | "DELETE";
export type Representation = Record<string, unknown>;

const TIMEOUT_MS = 15_000;
/** A token is renewed this long before it expires. */
const MARGIN_MS = 10_000;
const tokenAnswer = z.object({ access_token: z.string(), expires_in: z.number() });

/** Keycloak's Admin REST API below `/admin/realms`. Logs in when it must. */
export class KeycloakAdmin {
  readonly #connection: KeycloakConnection;
  #token: { value: string; expires: number } | undefined;

  constructor(connection: KeycloakConnection) {
    this.#connection = connection;
  }

  get #root(): string {
    return this.#connection.url + this.#connection.basePath;
  }

  async #login(): Promise<string> {
    const { realm, clientId, clientSecret, username, password } = this.#connection;
    const form = new URLSearchParams({ client_id: clientId });
    if (clientSecret !== undefined) form.set("client_secret", clientSecret);
    if (username === undefined) form.set("grant_type", "client_credentials");
    else
      for (const [key, value] of Object.entries({ grant_type: "password", username, password }))
        form.set(key, value ?? "");
    const { statusCode, body } = await request(
      `${this.#root}/realms/${realm}/protocol/openid-connect/token`,
      {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: form.toString(),
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
      },
    );
    const answer = await body.text();
    if (statusCode !== 200)
      throw new KeycloakError(`error logging in to Keycloak: status ${statusCode}: ${answer}`, statusCode);
    const { access_token, expires_in } = tokenAnswer.parse(JSON.parse(answer));
    this.#token = { value: access_token, expires: Date.now() + expires_in * 1000 - MARGIN_MS };
    return access_token;
  }

  async #send(
    method: Method,
    path: string,
    payload?: object,
  ): Promise<{ status: number; text: string; location: string }> {
    const token =
      this.#token !== undefined && this.#token.expires > Date.now() ? this.#token.value : await this.#login();
    const { statusCode, headers, body } = await request(`${this.#root}/admin/realms${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json",
        "content-type": "application/json",
      },
      body: payload === undefined ? null : JSON.stringify(payload),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    return { status: statusCode, text: await body.text(), location: String(headers.location ?? "") };
  }

  async #call(method: Method, path: string, payload?: object): Promise<{ text: string; location: string }> {
    let answer = await this.#send(method, path, payload);
    if (answer.status === 401) {
      // The session may have been revoked meanwhile: one new login decides.
      this.#token = undefined;
      answer = await this.#send(method, path, payload);
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    const where = `error sending ${method} request to ${this.#root}/admin/realms${path}`;
    throw new KeycloakError(`${where}: ${answer.status}. Response body: ${answer.text}`, answer.status);
  }

  async get(path: string): Promise<Representation> {
    return JSON.parse((await this.#call("GET", path)).text) as Representation;
  }

  async list(path: string): Promise<Representation[]> {
    return JSON.parse((await this.#call("GET", path)).text) as Representation[];
  }

  /** Undefined if it does not exist. */
  async find(path: string): Promise<Representation | undefined> {
    try {
      return await this.get(path);
    } catch (error) {
      if (error instanceof KeycloakError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Creates something. Returns the id that Keycloak gave it. */
  async post(path: string, payload: object): Promise<string> {
    return (await this.#call("POST", path, payload)).location.split("/").at(-1) ?? "";
  }

  async put(path: string, payload: object): Promise<void> {
    await this.#call("PUT", path, payload);
  }

  /** Deletes an object. A missing object is not an error. */
  async remove(path: string, payload?: object): Promise<void> {
    try {
      await this.#call("DELETE", path, payload);
    } catch (error) {
      if (!(error instanceof KeycloakError && error.status === 404)) throw error;
    }
  }
}

/** A path from segments, each encoded: names may hold anything. */
export function path(...segments: unknown[]): string {
  return segments.map((segment) => `/${encodeURIComponent(String(segment))}`).join("");
}
