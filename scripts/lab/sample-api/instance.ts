import type { SampleApiConfig } from "./config.ts";
import { Exchange } from "./exchange.ts";
import { KeyCache } from "./key-cache.ts";
import { Listener } from "./listener.ts";
import type { Log } from "./log.ts";
import type { Behaviour } from "./misbehaviour.ts";
import type { Operation } from "./operation.ts";
import { processNameOf } from "./process-name.ts";

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
  /** Carries out an internal operation wherever it must be: in this process, or in all where they share it. */
  passOn = (operation: Operation): Promise<void> => this.carryOut(operation);
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
    this.#listener = new Listener(config.HOST, config.PORT, (request, response) => {
      const name = processNameOf(this.#behaviour);
      if (name !== undefined) response.setHeader("JWKS-Process", name);
      serve(new Exchange(request, response, log, "api"), this);
    });
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

  /** Carries out an internal operation in this process. */
  async carryOut(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case "refresh":
        await this.cache.refresh();
        return this.log.info(`JWKS refresh ok kids=${JSON.stringify(this.cache.kids)}`);
      case "deny-list":
        this.denied[operation.denied ? "add" : "delete"](operation.sid);
        return;
      case "freeze":
        this.frozen = operation.frozen;
        return;
      default:
        operation satisfies never;
    }
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
