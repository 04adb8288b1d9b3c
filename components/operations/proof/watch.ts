import { type Clock, systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { MintedToken } from "../canaries/canary.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { identity, type OpenInstance } from "../fleet/instances.ts";
import { sweep } from "../fleet/sweep.ts";
import { type OpenTarget, openTargets } from "../fleet/targets.ts";
import { readJwks, signatureKids } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { urlsOf, type VerifierUrls } from "../keys/jwks-read-back.ts";
import { isUnanswered } from "./check.ts";
import { probeLive } from "./live-token.ts";
import { isRelapsed, type JwksRelapse, type Relapse, type Unanswered, type WatchResult } from "./relapse.ts";
import type { SpreadVerdict } from "./spread.ts";

/** What must not come back after a proof. Secret: it has canary tokens. */
export interface WatchedKeys {
  /** Of each retired key that has one, a canary token that no instance saw before the cut-over. */
  canaries: MintedToken[];
  /** What no JWKS URL may show: every key of the realm that is disabled. */
  kids: string[];
}

export interface WatchRequest extends WatchedKeys, Pick<VerifierUrls, "jwksUris"> {
  fleet: Pick<Fleet, "targets" | "refresh" | "probe">;
  /** For how long everybody is asked again. */
  seconds: number;
  /** Ends it at once; what was proven stays proven. Default: nothing does. */
  cut?: AbortSignal | undefined;
  progress: (line: string) => void;
  /** Default: the system's. */
  clock?: Clock;
}

/** Between the beginnings of two rounds, at least, and between two lines of progress; in milliseconds. */
const everyMs = 5_000;

/** A URL may be served by several nodes or caches, of which each read shows one. */
const readsPerRound = 5;

/** How long a round may go on when the time of the watch is over, in milliseconds. */
const lastRoundMs = 30_000;

/** How long a target's platform may give no answer, in milliseconds. */
const patienceMs = 5_000;

/**
 * Asks again after a proof: a cache that is stale somewhere brings a retired key back with an instance's next fetch. Rounds
 * begin 5 s apart, each over new connections and to whoever is there by then, and the last one ends after the full time.
 * It ends early with the first relapse. Never throws: what it finds, a relapse too, is its result.
 */
export async function watchForRelapse(admin: KeycloakAdmin, request: WatchRequest): Promise<WatchResult> {
  const { seconds, cut, clock = systemClock } = request;
  const watch = new Watch(admin, request);
  const began = clock.now();
  const end = began + seconds * 1_000;
  const say = linesFor(request);
  // Counted back from the end, so that the last round begins when the time is over.
  let next = began + Math.min((seconds * 1_000) % everyMs || everyMs, seconds * 1_000);
  for (;;) {
    say(end - clock.now());
    await clock.delay(Math.max(0, next - clock.now()), cut);
    const roundBegan = clock.now();
    const isWhole = !cut?.aborted && (await unlessCut(watch.round(end - roundBegan + lastRoundMs), cut));
    const found = watch.found();
    const isOver = isRelapsed(found) || clock.now() >= end;
    if (!isWhole || isOver) {
      const times = { startedAt: isoTime(began), finishedAt: isoTime(clock.now()) };
      return { ...times, seconds, ...found, cutShort: !isOver };
    }
    next = roundBegan + everyMs;
  }
}

/** Collects what the rounds find. */
class Watch {
  readonly #admin: KeycloakAdmin;
  readonly #request: WatchRequest;
  readonly #clock: Clock;
  readonly #found: Pick<WatchResult, "rounds" | "instances" | "urls" | "relapses" | "jwks"> = {
    ...{ rounds: 0, instances: 0, urls: [], relapses: [], jwks: [] },
  };
  readonly #unanswered = new Map<string, Unanswered>();
  #targets: readonly OpenTarget[] | undefined;

  constructor(admin: KeycloakAdmin, request: WatchRequest) {
    this.#admin = admin;
    this.#request = request;
    this.#clock = request.clock ?? systemClock;
  }

  found(): Omit<WatchResult, "startedAt" | "finishedAt" | "seconds" | "cutShort"> {
    const { relapses, jwks, urls, ...counts } = this.#found;
    return {
      ...counts,
      ...{ urls: [...urls], relapses: [...relapses], jwks: [...jwks] },
      unanswered: [...this.#unanswered.values()],
    };
  }

  /** @param ms after which an instance that is not done with counts as unanswered */
  async round(ms: number): Promise<true> {
    const { kids, canaries } = this.#request;
    await Promise.all([
      canaries.length === 0 || this.#askInstances(ms).catch((error) => this.#silent("the targets", error)),
      kids.length === 0 || this.#readUrls().catch((error) => this.#silent("the issuer", error)),
    ]);
    this.#found.rounds += 1;
    return true;
  }

  async #askInstances(ms: number): Promise<void> {
    const { fleet } = this.#request;
    this.#targets ??= await openTargets(fleet.targets);
    const { results, failures } = await sweep<"asked" | "late">(
      this.#targets,
      {
        ...{ concurrency: fleet.refresh.concurrency, patienceMs },
        // A pod that is starting is asked in the next round.
        readyTimeoutMs: 0,
        deadline: { at: Date.now() + ms, late: () => "late" },
      },
      (instance) => this.#ask(instance),
    );
    this.#found.instances = results.length;
    for (const { target, error } of failures) this.#silent(`target ${target}`, error);
    for (const { instance, value } of results)
      if (value === "late") this.#silent(instance.name, "no answer before the watch was over");
  }

  async #ask(instance: OpenInstance): Promise<"asked"> {
    const { canaries, cut, fleet } = this.#request;
    const settings = { ...fleet.probe, attempts: 1 };
    for (const canary of canaries) {
      // A watch that was cut short begins nothing more.
      if (cut?.aborted) break;
      const asked = await probeLive(instance, settings, canary, "rejected");
      if (asked.verdict.kind === "accepted") this.#relapse(instance, canary, asked);
      if (asked.verdict.kind === "inconclusive") this.#silent(instance.name, asked.verdict.reason);
      if (isUnanswered(asked)) break;
    }
    return "asked";
  }

  #relapse(instance: OpenInstance, { kid }: MintedToken, { spread }: SpreadVerdict): void {
    const who = { kid, instance: instance.name, ...identity(instance) };
    const more = { ...(spread ? { spread } : {}), at: isoTime(this.#clock.now()) };
    const names = acceptingProcesses(instance, spread);
    const each = names.length > 0 ? names.map((process) => ({ process })) : [{}];
    this.#found.relapses.push(...each.map((process): Relapse => ({ ...who, ...process, ...more })));
  }

  async #readUrls(): Promise<void> {
    const urls = await urlsOf(this.#admin, this.#request);
    this.#found.urls = urls;
    await Promise.all(urls.map((url) => this.#readUrl(url)));
  }

  async #readUrl(url: string): Promise<void> {
    const shown: string[][] = [];
    for (let read = 1; read <= readsPerRound; read += 1) {
      if (this.#request.cut?.aborted) return;
      try {
        const set = await readJwks(this.#admin, url, { attempts: 1 });
        shown.push(signatureKids(set).filter((kid) => this.#request.kids.includes(kid)));
      } catch (error) {
        this.#silent(url, error);
      }
    }
    const kids = [...new Set(shown.flat())];
    if (kids.length === 0) return;
    const shownIn = shown.filter((some) => some.length > 0).length;
    const relapse: JwksRelapse = { url, kids, reads: shown.length, shownIn, at: isoTime(this.#clock.now()) };
    this.#found.jwks.push(relapse);
  }

  #silent(from: string, why: unknown): void {
    const reason = messageOf(why);
    this.#unanswered.set(from, { from, count: (this.#unanswered.get(from)?.count ?? 0) + 1, reason });
  }
}

/** Names of the processes that accept it; none where they have no names. */
function acceptingProcesses({ processes }: OpenInstance, spread: SpreadVerdict["spread"]): string[] {
  // It was asked over one connection: at most one process has answered.
  if (!spread) return [...(processes ?? [])];
  return Object.entries(spread.processes ?? {}).flatMap(([name, kind]) =>
    kind === "accepted" ? [name] : [],
  );
}

/** A line for how much time is left, and none so soon after the last. */
function linesFor({ progress, clock = systemClock }: WatchRequest): (leftMs: number) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (leftMs) => {
    // To the second: a round takes some milliseconds more or less than the one before.
    if (leftMs <= 0 || Math.round((clock.now() - saidAt) / 1_000) < everyMs / 1_000) return;
    saidAt = clock.now();
    progress(`proven; watching for a relapse, ${Math.ceil(leftMs / 1_000)} s left`);
  };
}

/** What work gives, or undefined as soon as it is cut: it then goes on unheard. */
async function unlessCut<T>(work: Promise<T>, cut: AbortSignal | undefined): Promise<T | undefined> {
  if (!cut) return work;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const end = () => resolve(undefined);
  cut.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    cut.removeEventListener("abort", end);
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
