import { decodeJwt } from "jose";
import { Agent, type Dispatcher } from "undici";
import { z } from "zod";
import { type Clock, systemClock } from "../base/clock.ts";
import { RotationError } from "../base/errors.ts";
import { exchange, type HttpAnswer, type HttpRequest, NoAnswerError } from "../base/http.ts";
import { type Attempted, type Patience, sendPatiently, totalTime, wasNeverSent } from "./attempts.ts";
import type { KeycloakConnection } from "./connection.ts";
import { refusalReason } from "./refusal-reason.ts";

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

export interface CallOptions {
  /** Milliseconds for one attempt; all of them take twice as long at the most. Default: the connection's. */
  timeoutMs?: number;
  /** By `Date.now()`: no attempt begins or goes on after it. Default: none. */
  deadlineAt?: number | undefined;
}

/**
 * How an attempt failed that may have had its effect. `timeout`: Keycloak may still be at it; its proxy's 504 says the
 * same. `broken`: anything else. `conflict`: a later attempt was told that what it makes is there.
 */
export type Failure = "timeout" | "broken" | "conflict";

export interface PostOptions extends CallOptions {
  /** Doing it twice is the same as doing it once, so it is sent again where it may have failed. Default: false. */
  repeatable?: boolean;
}

export interface PostOnceOptions extends CallOptions {
  /**
   * Whether an earlier attempt had its effect: asked before the request is sent again, with how that attempt failed.
   */
  isDone: (failure: Failure) => Promise<boolean>;
  /** For what Keycloak has to compute, such as an RSA key: it gets a minute, or longer by `clientTimeout`. Default: false. */
  slow?: boolean;
}

interface AdminCall extends CallOptions {
  body?: unknown;
  /** The first attempt has as much time as the others. */
  slow?: boolean;
  /** Asked after an attempt that may have had its effect: whether it may be sent again. Default: yes. */
  mayRepeat?: (failure: Failure) => boolean | Promise<boolean>;
}

export interface AdminOptions {
  /** Awaited before each change of a key: what it throws keeps the key as it is. Default: nothing. */
  beforeKeyChange?: () => Promise<void>;
  /** Default: the system's. */
  clock?: Clock;
  /**
   * Milliseconds for the first attempt of each request, where that is less than it has otherwise: a node that hangs costs
   * no more than that, and one that is only slow answers the attempts after it. Default: as long as all attempts have.
   */
  firstTimeoutMs?: number;
}

export interface PublicRequest extends CallOptions {
  headers?: Record<string, string>;
  /** Makes it a POST of a form. */
  form?: URLSearchParams;
  /** Uses a new connection and closes it. Default: false. */
  ownConnection?: boolean;
  /** The most attempts. Default: 4. */
  attempts?: number;
}

/**
 * A client of Keycloak's Admin REST API for one realm.
 *
 * Logs in on first use, and again when its token has expired. What is safe to send again is sent again where the
 * connection breaks, no answer comes in time, or the answer is a 5xx: a few times, with short pauses. Every failure is a
 * {@link RotationError} that says whether Keycloak was out of reach, refused the login, or refused the call.
 *
 * @see https://www.keycloak.org/docs-api/latest/rest-api/index.html
 */
export class KeycloakAdmin {
  readonly connection: KeycloakConnection;
  readonly realmName: string;
  /** To be awaited before each change of a key. */
  readonly beforeKeyChange: () => Promise<void>;
  readonly #dispatcher: Dispatcher | undefined;
  readonly #clock: Clock;
  readonly #firstTimeoutMs: number;
  /** The login that is valid now, or is under way. */
  #token: Promise<string> | undefined;

  constructor(connection: KeycloakConnection, realmName: string, options: AdminOptions = {}) {
    const { clock = systemClock, firstTimeoutMs = Number.POSITIVE_INFINITY } = options;
    this.beforeKeyChange = options.beforeKeyChange ?? (async () => undefined);
    this.connection = connection;
    this.realmName = realmName;
    this.#clock = clock;
    this.#firstTimeoutMs = firstTimeoutMs;
    this.#dispatcher = dispatcherFor(connection);
  }

  /** Base URL of the realm's public endpoints, without a trailing slash. */
  get realmUrl(): string {
    const { url, basePath } = this.connection;
    return `${url}${basePath}/realms/${encodeURIComponent(this.realmName)}`;
  }

  /** Reads `/admin/realms/{realm}{path}` and checks its shape. */
  async get<T>(path: string, shape: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    const answer = this.#judge("GET", path, await this.#send("GET", path, options));
    return parseAnswer(answer, shape, `GET ${path || "the realm"}`);
  }

  /** As {@link get}; undefined where there is nothing at that path. */
  async getIfThere<T>(path: string, shape: z.ZodType<T>, options: CallOptions = {}): Promise<T | undefined> {
    const answer = this.#judge("GET", path, await this.#send("GET", path, options), [404]);
    return answer.status === 404 ? undefined : parseAnswer(answer, shape, `GET ${path}`);
  }

  async hasRealmRole(role: string): Promise<boolean> {
    return (await this.getIfThere(`/roles/${encodeURIComponent(role)}`, z.unknown())) !== undefined;
  }

  async post(path: string, body: unknown, options: PostOptions = {}): Promise<void> {
    const { repeatable = false, ...rest } = options;
    const call = { ...rest, body, mayRepeat: () => repeatable };
    this.#judge("POST", path, await this.#send("POST", path, call));
  }

  /**
   * A POST that must have its effect once, such as one that makes something: where it is not known whether an attempt
   * had it, that is looked for before another is sent. What is made should have an id or a name that Keycloak allows
   * only once.
   */
  async postOnce(path: string, body: unknown, options: PostOnceOptions): Promise<void> {
    const { isDone, slow = false, ...rest } = options;
    const patience = slow ? { timeoutMs: Math.max(slowMs, this.connection.timeoutMs) } : {};
    let wasDone = false;
    const mayRepeat = async (failure: Failure) => {
      wasDone = await isDone(failure);
      return !wasDone;
    };
    const attempted = await this.#send("POST", path, { ...patience, ...rest, slow, body, mayRepeat });
    const isConflict = attempted.attempts > 1 && statusOf(attempted) === 409;
    if (wasDone || (isConflict && (await isDone("conflict")))) return;
    this.#judge("POST", path, attempted);
  }

  async put(path: string, body: unknown, options: CallOptions = {}): Promise<void> {
    this.#judge("PUT", path, await this.#send("PUT", path, { ...options, body }));
  }

  async delete(path: string, options: CallOptions = {}): Promise<void> {
    const attempted = await this.#send("DELETE", path, options);
    // A 404 to a later attempt: an earlier one had its effect.
    this.#judge("DELETE", path, attempted, attempted.attempts > 1 ? [404] : []);
  }

  /** Deletes what may be gone already; whether it was there. */
  async deleteIfThere(path: string, options: CallOptions = {}): Promise<boolean> {
    const attempted = await this.#send("DELETE", path, options);
    return this.#judge("DELETE", path, attempted, [404]).status !== 404 || attempted.attempts > 1;
  }

  /**
   * When this client's admin token was issued, by Keycloak's own clock, in milliseconds; undefined where it does not say.
   * Its answers carry no `Date` header.
   */
  async tokenIssuedAt(): Promise<number | undefined> {
    const { iat } = decodeJwt(await this.#loggedIn());
    return iat === undefined ? undefined : iat * 1_000;
  }

  /**
   * The error for a role on this realm that the admin token shows to be missing, found before anything is written.
   * Undefined where the role is there, or the token does not say.
   */
  async missingRole(role: string): Promise<RotationError | undefined> {
    const access = adminClaims.safeParse(decodeJwt(await this.#loggedIn())).data?.resource_access;
    const granted = access?.[`${this.realmName}-realm`] ?? access?.["realm-management"];
    if (!granted || granted.roles.includes(role) || granted.roles.includes("realm-admin")) return undefined;
    return this.#roleMissing(role, "change its keys");
  }

  /**
   * One request to a public endpoint, with the connection's time limit, and its TLS settings where it is Keycloak's. It
   * is sent again as a read is: what is posted here asks for a token, and a second one does no harm.
   *
   * @throws {RotationError} KEYCLOAK_UNREACHABLE where no attempt is answered; any status is an answer
   */
  async fetchPublic(url: string, options: PublicRequest = {}): Promise<HttpAnswer> {
    const { attempts, timeoutMs = this.connection.timeoutMs, deadlineAt, ...request } = options;
    const patience = { ...this.#patience({ timeoutMs, deadlineAt }), ...(attempts ? { attempts } : {}) };
    const attempted = await sendPatiently(
      (attempt) => this.#fetchOnce(url, this.#limit(attempt, { timeoutMs, deadlineAt }), request),
      patience,
    );
    return answerOf(url, attempted);
  }

  #patience({
    timeoutMs,
    deadlineAt = Number.POSITIVE_INFINITY,
  }: AdminCall & { timeoutMs: number }): Patience {
    return { totalMs: Math.min(totalTime(timeoutMs), deadlineAt - this.#clock.now()), clock: this.#clock };
  }

  /** Milliseconds for one attempt. */
  #limit(attempt: number, { timeoutMs, deadlineAt, slow }: AdminCall & { timeoutMs: number }): number {
    const limit = attempt === 1 && !slow ? Math.min(timeoutMs, this.#firstTimeoutMs) : timeoutMs;
    const leftMs = (deadlineAt ?? Number.POSITIVE_INFINITY) - this.#clock.now();
    if (leftMs <= 0) throw new NoAnswerError("there was no time left to ask", { kind: "unusable" });
    return Math.min(limit, leftMs);
  }

  async #fetchOnce(
    url: string,
    timeoutMs: number,
    { form, headers = {}, ownConnection = false }: PublicRequest,
  ): Promise<HttpAnswer> {
    const exchanged = {
      timeoutMs,
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

  /** Sends a call to the Admin REST API, and again while another attempt may help. */
  async #send(method: Method, path: string, call: AdminCall = {}): Promise<Attempted> {
    const { timeoutMs = this.connection.timeoutMs, mayRepeat } = call;
    const limited = { ...call, timeoutMs };
    return sendPatiently(
      (attempt) => this.#attempt(method, path, limited, this.#limit(attempt, limited)),
      this.#patience(limited),
      (outcome) => !mayRepeat || wasNeverSent(outcome) || mayRepeat(failureOf(outcome)),
    );
  }

  async #attempt(
    method: Method,
    path: string,
    call: AdminCall & { timeoutMs: number },
    limitMs: number,
  ): Promise<HttpAnswer> {
    const token = await this.#loggedIn(call.timeoutMs);
    const limited = { ...call, timeoutMs: limitMs };
    const answer = await this.#authorized(method, path, limited, token);
    if (answer.status !== 401) return answer;
    // Others may have logged in again meanwhile; their token is as good.
    if ((await this.#token) === token) this.#token = undefined;
    return this.#authorized(method, path, limited, await this.#loggedIn(call.timeoutMs));
  }

  #authorized(
    method: Method,
    path: string,
    { body, timeoutMs }: AdminCall & { timeoutMs: number },
    token: string,
  ): Promise<HttpAnswer> {
    return this.#exchange(this.#adminUrl(path), {
      method,
      timeoutMs,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  #adminUrl(path: string): string {
    const { adminUrl, basePath } = this.connection;
    return `${adminUrl}${basePath}/admin/realms/${encodeURIComponent(this.realmName)}${path}`;
  }

  #judge(method: Method, path: string, attempted: Attempted, alsoFine: readonly number[] = []): HttpAnswer {
    const answer = answerOf(this.#adminUrl(path), attempted);
    if ((answer.status >= 200 && answer.status < 300) || alsoFine.includes(answer.status)) return answer;
    throw this.#refusal(method, path, answer, attempted.attempts);
  }

  async #loggedIn(timeoutMs?: number): Promise<string> {
    this.#token ??= this.#login(timeoutMs);
    const token = this.#token;
    try {
      return await token;
    } catch (error) {
      if (this.#token === token) this.#token = undefined;
      throw error;
    }
  }

  async #login(timeoutMs = this.connection.timeoutMs): Promise<string> {
    const { url, basePath, realm, clientId, clientSecret, username, password } = this.connection;
    const form = new URLSearchParams({ client_id: clientId, grant_type: "client_credentials" });
    if (clientSecret !== undefined) form.set("client_secret", clientSecret);
    if (username !== undefined && password !== undefined) {
      form.set("grant_type", "password");
      form.set("username", username);
      form.set("password", password);
    }
    const endpoint = `${url}${basePath}/realms/${encodeURIComponent(realm)}/protocol/openid-connect/token`;
    const answer = await this.fetchPublic(endpoint, { form, timeoutMs });
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

  #exchange(url: string, options: Omit<HttpRequest, "maxBytes">): Promise<HttpAnswer> {
    const dispatcher = this.#dispatcher ? { dispatcher: this.#dispatcher } : {};
    return exchange(url, { maxBytes, ...dispatcher, ...options });
  }

  #refusal(method: Method, path: string, { status, body }: HttpAnswer, attempts: number): RotationError {
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
    const reason = refusalReason(body);
    const said = reason === "" ? "" : ` (${reason})`;
    return new RotationError(
      "KEYCLOAK_UNEXPECTED_ANSWER",
      `Keycloak answered HTTP ${status} to ${method} ${path || "/"} in realm ${this.realmName}${said}${counted(attempts)}`,
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

function answerOf(url: string, { outcome, attempts }: Attempted): HttpAnswer {
  if (!(outcome instanceof NoAnswerError)) return outcome;
  const { origin } = new URL(url);
  throw new RotationError("KEYCLOAK_UNREACHABLE", `${origin}: ${outcome.message}${counted(attempts)}`, {
    nextStep: "check keycloak:url and that Keycloak is up, then run the same command again",
    cause: outcome,
  });
}

function statusOf({ outcome }: Attempted): number | undefined {
  return outcome instanceof NoAnswerError ? undefined : outcome.status;
}

function failureOf(outcome: Attempted["outcome"]): Failure {
  if (outcome instanceof NoAnswerError) return outcome.kind === "timeout" ? "timeout" : "broken";
  return outcome.status === 504 ? "timeout" : "broken";
}

function counted(attempts: number): string {
  return attempts > 1 ? ` (${attempts} attempts)` : "";
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
