import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { decodeJwt, decodeProtectedHeader } from "jose";
import type { ApiFleet, ApiProcess } from "./api-fleet.ts";
import type { ClientCredentials, LabAdmin, TokenAnswer } from "./keycloak-realms.ts";

export interface TrafficOptions {
  readonly admin: LabAdmin;
  readonly realm: string;
  readonly fleet: ApiFleet;
  /** How many call at the same time. Default: 2. */
  readonly clients?: number;
}

/** A failure that a user would have seen. */
export interface TrafficFailure {
  /** ISO 8601 UTC: when it was begun. */
  readonly at: string;
  /** `round`: any other failure, such as a fleet that can't be listed. */
  readonly what: "call" | "mint" | "login" | "refresh" | "round";
  /** Of a call. */
  readonly instance?: string;
  /** Of the token that a call was made with. */
  readonly kid?: string;
  /** Of the token that a call was made with, since it was issued. */
  readonly ageMs?: number;
  /** Absent if there was no answer. */
  readonly status?: number;
  readonly reason: string;
}

interface HeldToken {
  readonly value: string;
  readonly kid: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

type Report = Omit<TrafficFailure, "at">;
type Grant = Extract<TrafficFailure["what"], "mint" | "login" | "refresh">;

interface World extends TrafficOptions {
  readonly client: ClientCredentials;
  readonly user: { readonly username: string; readonly password: string };
}

/** Pause between two rounds of a client: the traffic must not use up two cores. */
const paceMs = 75;
/** A login makes Keycloak hash a password, which takes longer than the rest of a round. */
const roundsPerLogin = 20;
/** A token is not used in the last moments before it expires: a slow call would look like a refusal. */
const marginMs = 2_000;

/** The results of all clients. */
class Tally {
  readonly failures: TrafficFailure[] = [];
  readonly kids = new Map<string, number>();
  requests = 0;

  fail(began: number, report: Report): void {
    this.failures.push({ at: new Date(began).toISOString(), ...report });
  }

  minted(kid: string): void {
    this.kids.set(kid, (this.kids.get(kid) ?? 0) + 1);
  }
}

/** One caller: a service and a user with a session. Keeps each token until it expires. */
class TrafficClient {
  readonly #world: World;
  readonly #tally: Tally;
  #held: HeldToken[] = [];
  #refreshToken: string | undefined;
  #begun = 0;
  #ended = 0;
  #roundEnd = Promise.withResolvers<void>();

  constructor(world: World, tally: Tally) {
    this.#world = world;
    this.#tally = tally;
  }

  /** Runs rounds until the signal; a round that has begun is finished. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const began = Date.now();
      this.#begun += 1;
      await this.#round().catch((error: unknown) =>
        this.#tally.fail(began, { what: "round", reason: reasonOf(error) }),
      );
      this.#ended += 1;
      this.#roundEnd.resolve();
      this.#roundEnd = Promise.withResolvers();
      await pause(paceMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Resolves once a round that begins from now on has ended. */
  async wholeRound(): Promise<void> {
    const last = this.#begun + 1;
    while (this.#ended < last) await this.#roundEnd.promise;
  }

  forget(): void {
    this.#held = [];
  }

  async #round(): Promise<void> {
    const fresh = await this.#mint();
    const older = this.#olderToken();
    if (fresh) this.#held.push(fresh);
    const tokens = [fresh, older].filter((token) => token !== undefined);
    const instances = await this.#world.fleet.list();
    if (instances.length === 0) throw new Error("no instance serves requests");
    await Promise.all(instances.flatMap((one) => tokens.map((token) => this.#call(one, token))));
  }

  /** By turns the oldest valid token, which a rotation would break first, and any other. */
  #olderToken(): HeldToken | undefined {
    const end = Date.now() + marginMs;
    this.#held = this.#held.filter(({ expiresAt }) => expiresAt > end);
    const any = Math.floor(Math.random() * this.#held.length);
    return this.#held[this.#begun % 2 === 0 ? 0 : any];
  }

  /** Alternates between the service's token and the user's. */
  #mint(): Promise<HeldToken | undefined> {
    const { user } = this.#world;
    const scope = { scope: "openid" };
    if (this.#begun % roundsPerLogin === 1 || (this.#begun % 2 === 1 && this.#refreshToken === undefined)) {
      return this.#grant("login", { grant_type: "password", ...user, ...scope });
    }
    if (this.#begun % 2 === 0 || this.#refreshToken === undefined) {
      return this.#grant("mint", { grant_type: "client_credentials", ...scope });
    }
    return this.#grant("refresh", { grant_type: "refresh_token", refresh_token: this.#refreshToken });
  }

  async #grant(what: Grant, form: Record<string, string>): Promise<HeldToken | undefined> {
    const { admin, realm, client } = this.#world;
    const began = Date.now();
    this.#tally.requests += 1;
    try {
      const answer = await admin.grant(realm, client, form);
      if (what !== "mint") this.#refreshToken = answer.body.refresh_token;
      const token = heldToken(answer);
      if (token) this.#tally.minted(token.kid);
      else this.#tally.fail(began, { what, status: answer.status, reason: refusalOf(answer) });
      return token;
    } catch (error) {
      this.#tally.fail(began, { what, reason: reasonOf(error) });
      return undefined;
    }
  }

  async #call(instance: ApiProcess, { value, kid, issuedAt }: HeldToken): Promise<void> {
    const began = Date.now();
    const about = { what: "call", instance: instance.name, kid, ageMs: began - issuedAt } as const;
    this.#tally.requests += 1;
    try {
      const status = await instance.statusOf("/api/me", value);
      if (status === 200) return;
      const answered = status === undefined ? {} : { status };
      const reason = status === undefined ? "the connection failed or stayed silent" : `answered ${status}`;
      this.#tally.fail(began, { ...about, ...answered, reason });
    } catch (error) {
      this.#tally.fail(began, { ...about, reason: reasonOf(error) });
    }
  }
}

function heldToken({ status, body: { access_token: value } }: TokenAnswer): HeldToken | undefined {
  if (status !== 200 || value === undefined) return undefined;
  const { iat = Number.NaN, exp = Number.NaN } = decodeJwt(value);
  const { kid = "none" } = decodeProtectedHeader(value);
  return { value, kid, issuedAt: iat * 1_000, expiresAt: exp * 1_000 };
}

function refusalOf({ body: { error = "no access token", error_description = "" } }: TokenAnswer): string {
  return `${error} ${error_description}`.trim();
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Users that keep logging in and calling every instance, as they would during a rotation. */
export class Traffic {
  readonly #tally: Tally;
  readonly #clients: readonly TrafficClient[];
  readonly #end = new AbortController();
  readonly #loops: Promise<unknown>;

  constructor(world: World) {
    this.#tally = new Tally();
    const tally = this.#tally;
    this.#clients = Array.from({ length: world.clients ?? 2 }, () => new TrafficClient(world, tally));
    this.#loops = Promise.all(this.#clients.map((client) => client.run(this.#end.signal)));
  }

  /** The failures so far, in the order in which they were noticed. */
  get failures(): readonly TrafficFailure[] {
    return this.#tally.failures;
  }

  /** Calls of instances, logins, mints and refreshes so far. */
  get requests(): number {
    return this.#tally.requests;
  }

  /** How many tokens each kid has signed, in the order of its first token. */
  get kids(): ReadonlyMap<string, number> {
    return this.#tally.kids;
  }

  /** Resolves once every client has begun and ended a whole round since this call. Throws if the traffic was stopped. */
  async settled(): Promise<void> {
    const stopped = this.#loops.then(() => Promise.reject(new Error("the traffic was stopped")));
    await Promise.race([Promise.all(this.#clients.map((client) => client.wholeRound())), stopped]);
  }

  /**
   * Drops every access token that is held, as if it had expired, for drills that move the clock of the program but
   * not that of Keycloak. Resolves once no call with one of them is under way.
   */
  async forgetTokens(): Promise<void> {
    for (const client of this.#clients) client.forget();
    await this.settled();
  }

  /** Ends each client after its round. Client and user stay in the realm: tokens may be wanted after it. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#loops;
  }
}

/**
 * Starts traffic, with a client and a user of its own in the realm. Resolves after the first round of every client:
 * from then on there are older tokens too, and what failed already is in `failures`.
 *
 * @throws Error if the client or the user can't be created
 */
export async function startTraffic(options: TrafficOptions): Promise<Traffic> {
  const { admin, realm } = options;
  const name = `traffic-${randomUUID().slice(0, 8)}`;
  const client = await admin.createClient(realm, name);
  const user = { username: name, password: randomUUID() };
  await admin.createUser(realm, name, { password: user.password });
  const traffic = new Traffic({ ...options, client, user });
  await traffic.settled();
  return traffic;
}
