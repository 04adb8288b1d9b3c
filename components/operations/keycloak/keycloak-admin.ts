import { decodeJwt } from "jose";
import { Agent, type Dispatcher } from "undici";
import { z } from "zod";
import { RotationError } from "../base/errors.ts";
import { exchange, type HttpAnswer, type HttpRequest, NoAnswerError } from "../base/http.ts";
import type { KeycloakConnection } from "./connection.ts";

const maxBytes = 16 * 1024 * 1024;
/** A 4096 bit RSA key has been seen to take 20 s on a server with two busy cores. */
const slowMs = 60_000;
const tokenAnswer = z.object({ access_token: z.string() });

/** Roles by client in an admin token; lightweight tokens carry none. */
const adminClaims = z.looseObject({
  resource_access: z.record(z.string(), z.looseObject({ roles: z.array(z.string()) })).optional(),
});

/** What a 403 usually means, by the first segment below the realm. */
const roleFor: Record<string, string> = {
  clients: "view-clients",
  users: "view-users",
  groups: "view-users",
};
const roleToChange: Record<string, string> = {
  clients: "manage-clients",
  users: "manage-users",
  sessions: "manage-users",
  "logout-all": "manage-users",
};

type Method = "GET" | "POST" | "PUT" | "DELETE";

interface AdminCall {
  body?: unknown;
  /** Statuses beyond 2xx that are answers and not failures. */
  alsoFine?: readonly number[];
  /** Default: the connection's. */
  timeoutMs?: number;
}

export interface PublicRequest {
  headers?: Record<string, string>;
  /** Makes it a POST of a form. */
  form?: URLSearchParams;
  /** Uses a new connection and closes it. Default: false. */
  ownConnection?: boolean;
}

/**
 * A client of Keycloak's Admin REST API for one realm.
 *
 * Logs in on first use, and again when its token has expired. Every failure is a {@link RotationError} that says
 * whether Keycloak was out of reach, refused the login, or refused the call.
 *
 * @see https://www.keycloak.org/docs-api/latest/rest-api/index.html
 */
export class KeycloakAdmin {
  readonly connection: KeycloakConnection;
  readonly realmName: string;
  readonly #dispatcher: Dispatcher | undefined;
  #token: string | undefined;

  constructor(connection: KeycloakConnection, realmName: string) {
    this.connection = connection;
    this.realmName = realmName;
    this.#dispatcher = dispatcherFor(connection);
  }

  /** Base URL of the realm's public endpoints, without a trailing slash. */
  get realmUrl(): string {
    const { url, basePath } = this.connection;
    return `${url}${basePath}/realms/${encodeURIComponent(this.realmName)}`;
  }

  /** Reads `/admin/realms/{realm}{path}` and checks its shape. */
  async get<T>(path: string, shape: z.ZodType<T>): Promise<T> {
    const answer = await this.#call("GET", path);
    return parseAnswer(answer, shape, `GET ${path || "the realm"}`);
  }

  /** As {@link get}; undefined where there is nothing at that path. */
  async getIfThere<T>(path: string, shape: z.ZodType<T>): Promise<T | undefined> {
    const answer = await this.#call("GET", path, { alsoFine: [404] });
    return answer.status === 404 ? undefined : parseAnswer(answer, shape, `GET ${path}`);
  }

  async hasRealmRole(role: string): Promise<boolean> {
    return (await this.getIfThere(`/roles/${encodeURIComponent(role)}`, z.unknown())) !== undefined;
  }

  async post(path: string, body: unknown): Promise<void> {
    await this.#call("POST", path, { body });
  }

  /** As {@link post}, for what Keycloak has to compute, such as an RSA key: it gets a minute, or longer by `clientTimeout`. */
  async postSlow(path: string, body: unknown): Promise<void> {
    await this.#call("POST", path, { body, timeoutMs: Math.max(slowMs, this.connection.timeoutMs) });
  }

  async put(path: string, body: unknown): Promise<void> {
    await this.#call("PUT", path, { body });
  }

  async delete(path: string): Promise<void> {
    await this.#call("DELETE", path);
  }

  /** Deletes what may be gone already; whether it was there. */
  async deleteIfThere(path: string): Promise<boolean> {
    return (await this.#call("DELETE", path, { alsoFine: [404] })).status !== 404;
  }

  /**
   * The error for a role on this realm that the admin token shows to be missing, found before anything is written.
   * Undefined where the role is there, or the token does not say.
   */
  async missingRole(role: string): Promise<RotationError | undefined> {
    this.#token ??= await this.#login();
    const access = adminClaims.safeParse(decodeJwt(this.#token)).data?.resource_access;
    const granted = access?.[`${this.realmName}-realm`] ?? access?.["realm-management"];
    if (!granted || granted.roles.includes(role) || granted.roles.includes("realm-admin")) return undefined;
    return this.#roleMissing(role, "change its keys");
  }

  /** One request to a public endpoint, with the connection's time limit, and its TLS settings where it is Keycloak's. */
  async fetchPublic(url: string, options: PublicRequest = {}): Promise<HttpAnswer> {
    const { form, headers = {}, ownConnection = false } = options;
    const exchanged = {
      method: form ? ("POST" as const) : ("GET" as const),
      headers: form ? { ...headers, "content-type": "application/x-www-form-urlencoded" } : headers,
      ...(form ? { body: form.toString() } : {}),
    };
    if (!ownConnection) return this.#exchange(url, exchanged);
    const dispatcher = new Agent(this.#isKeycloak(url) ? tlsOptions(this.connection) : {});
    try {
      return await this.#exchange(url, { ...exchanged, dispatcher });
    } finally {
      await dispatcher.destroy();
    }
  }

  #isKeycloak(url: string): boolean {
    const { origin } = new URL(url);
    return [this.connection.url, this.connection.adminUrl].some((own) => new URL(own).origin === origin);
  }

  async #call(method: Method, path: string, call: AdminCall = {}): Promise<HttpAnswer> {
    let answer = await this.#authorized(method, path, call);
    if (answer.status === 401) {
      this.#token = undefined;
      answer = await this.#authorized(method, path, call);
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    if (call.alsoFine?.includes(answer.status)) return answer;
    throw this.#refusal(method, path, answer.status);
  }

  async #authorized(method: Method, path: string, { body, timeoutMs }: AdminCall): Promise<HttpAnswer> {
    this.#token ??= await this.#login();
    const { adminUrl, basePath } = this.connection;
    const url = `${adminUrl}${basePath}/admin/realms/${encodeURIComponent(this.realmName)}${path}`;
    return this.#exchange(url, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  async #login(): Promise<string> {
    const { url, basePath, realm, clientId, clientSecret, username, password } = this.connection;
    const form = new URLSearchParams({ client_id: clientId, grant_type: "client_credentials" });
    if (clientSecret !== undefined) form.set("client_secret", clientSecret);
    if (username !== undefined && password !== undefined) {
      form.set("grant_type", "password");
      form.set("username", username);
      form.set("password", password);
    }
    const endpoint = `${url}${basePath}/realms/${encodeURIComponent(realm)}/protocol/openid-connect/token`;
    const answer = await this.fetchPublic(endpoint, { form });
    if (answer.status === 200) return parseAnswer(answer, tokenAnswer, "the login").access_token;
    if (answer.status < 500 && answer.status !== 404) {
      throw new RotationError(
        "KEYCLOAK_LOGIN_REFUSED",
        `Keycloak refused the login of client ${clientId} in realm ${realm} (HTTP ${answer.status})`,
        { nextStep: "check keycloak:clientId, keycloak:clientSecret and keycloak:realm" },
      );
    }
    throw new RotationError(
      "KEYCLOAK_UNREACHABLE",
      `${url} answered HTTP ${answer.status} to a login in realm ${realm}`,
      { nextStep: "check keycloak:url, keycloak:basePath and keycloak:realm, and that Keycloak is healthy" },
    );
  }

  async #exchange(url: string, options: Partial<HttpRequest>): Promise<HttpAnswer> {
    try {
      return await exchange(url, {
        timeoutMs: this.connection.timeoutMs,
        maxBytes,
        ...(this.#dispatcher ? { dispatcher: this.#dispatcher } : {}),
        ...options,
      });
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
      throw new RotationError("KEYCLOAK_UNREACHABLE", `${new URL(url).origin}: ${error.message}`, {
        nextStep: "check keycloak:url and that Keycloak is up, then run the same command again",
        cause: error,
      });
    }
  }

  #refusal(method: string, path: string, status: number): RotationError {
    if (status === 401 || status === 403) {
      const [, place = ""] = path.split(/[/?]/);
      const role =
        method === "GET" ? (roleFor[place] ?? "view-realm") : (roleToChange[place] ?? "manage-realm");
      return this.#roleMissing(role, `${method} ${path || "/"} (HTTP ${status})`);
    }
    // Keycloak knows every realm's own lists: only the realm itself can be what is not there.
    if (status === 404 && (path === "" || path === "/keys" || path.startsWith("/components?"))) {
      return new RotationError("REALM_NOT_FOUND", `Keycloak has no realm ${this.realmName}`, {
        nextStep: "set the config key realm to the realm's name (not its id or display name)",
      });
    }
    return new RotationError(
      "KEYCLOAK_UNEXPECTED_ANSWER",
      `Keycloak answered HTTP ${status} to ${method} ${path || "/"} in realm ${this.realmName}`,
      { nextStep: "look into Keycloak's log, then run the same command again" },
    );
  }

  #roleMissing(role: string, what: string): RotationError {
    return new RotationError(
      "KEYCLOAK_ROLE_MISSING",
      `client ${this.connection.clientId} may not ${what} in realm ${this.realmName}`,
      { nextStep: `give its service account the role ${role} for realm ${this.realmName}` },
    );
  }
}

function parseAnswer<T>(answer: HttpAnswer, shape: z.ZodType<T>, what: string): T {
  try {
    return shape.parse(JSON.parse(answer.body));
  } catch (error) {
    // The cause is left out: it may quote the answer, and an answer may hold a token.
    throw new RotationError("KEYCLOAK_UNEXPECTED_ANSWER", `${what} answered in an unknown shape`, {
      nextStep: "check that keycloak:url is a Keycloak of version 22 or later and no proxy's error page",
      ...(error instanceof z.ZodError ? { cause: error.issues.map(({ path }) => path.join(".")) } : {}),
    });
  }
}

function dispatcherFor(connection: KeycloakConnection): Dispatcher | undefined {
  const options = tlsOptions(connection);
  return options.connect ? new Agent(options) : undefined;
}

function tlsOptions({ rootCaCertificate, tlsInsecureSkipVerify }: KeycloakConnection): Agent.Options {
  if (rootCaCertificate === undefined && !tlsInsecureSkipVerify) return {};
  const ca = rootCaCertificate === undefined ? {} : { ca: rootCaCertificate };
  return { connect: { rejectUnauthorized: !tlsInsecureSkipVerify, ...ca } };
}
