import type { SampleApiConfig } from "./config.ts";
import { Exchange } from "./exchange.ts";
import { KeyCache } from "./key-cache.ts";
import { Listener } from "./listener.ts";
import type { Log } from "./log.ts";
import type { Behaviour } from "./misbehaviour.ts";

/** What one process of the sample API holds in memory. */
export class Instance {
  readonly config: SampleApiConfig;
  readonly log: Log;
  readonly cache: KeyCache;
  /** Session ids and token ids that are refused. */
  readonly denied = new Set<string>();
  frozen = false;
  /** Whether the key set has been fetched once. */
  ready = false;
  readonly #listener: Listener;
  readonly #redirectTarget: Listener;
  #behaviour: Behaviour = "none";

  constructor(
    config: SampleApiConfig,
    jwksUri: URL,
    log: Log,
    serve: (exchange: Exchange, instance: Instance) => void,
  ) {
    this.config = config;
    this.log = log;
    this.cache = new KeyCache({ jwksUri, maxAgeMs: config.CACHE_MAX_AGE_MS, cooldownMs: config.COOLDOWN_MS });
    this.#listener = new Listener(config.HOST, config.PORT, (request, response) =>
      serve(new Exchange(request, response, log, "api"), this),
    );
    this.#redirectTarget = new Listener(config.HOST, 0, (request, response) =>
      new Exchange(request, response, log, "redirect-target").answer(200, { kids: this.cache.kids }),
    );
  }

  get behaviour(): Behaviour {
    return this.#behaviour;
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Another address that would answer 200 to whoever follows a redirect. */
  get redirectUrl(): string {
    return this.#redirectTarget.url;
  }

  async open(): Promise<void> {
    await Promise.all([this.#listener.open(), this.#redirectTarget.open()]);
  }

  /** Refuses connections until its behaviour is changed. */
  refuseConnections(): void {
    this.#listener.close();
  }

  /** Starts a misbehaviour; `none` ends it. */
  async behave(behaviour: Behaviour): Promise<void> {
    this.#behaviour = behaviour;
    if (behaviour === "keep-cache" || behaviour === "lie-kids") this.cache.keepForever();
    else this.cache.keepNoLonger();
    await this.#listener.open();
  }
}
