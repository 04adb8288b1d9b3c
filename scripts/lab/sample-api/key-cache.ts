import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from "jose";

export interface KeyCacheOptions {
  jwksUri: URL;
  /** Milliseconds for which a fetched set is trusted. */
  maxAgeMs: number;
  /** Milliseconds after a fetch in which an unknown kid causes no other. */
  cooldownMs: number;
}

/** The in-memory JWKS cache of one process, as most verifiers have it. */
export class KeyCache {
  readonly #remote: ReturnType<typeof createRemoteJWKSet>;
  readonly #url: URL;
  #begun = 0;
  #replacedBy = 0;
  #fetchedAt = 0;
  #kept: JSONWebKeySet | undefined;

  constructor({ jwksUri, maxAgeMs, cooldownMs }: KeyCacheOptions) {
    this.#url = jwksUri;
    this.#remote = createRemoteJWKSet(jwksUri, {
      cacheMaxAge: maxAgeMs,
      cooldownDuration: cooldownMs,
      [customFetch]: (url, options) => this.#fetch(url, options),
    });
  }

  /** For jose's jwtVerify. */
  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    if (this.#kept === undefined) return this.#remote(header, token);
    try {
      return await createLocalJWKSet(this.#kept)(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // As verifiers that cache by kid do: they learn new keys and never forget removed ones.
      const published = await this.#published();
      this.#kept = { keys: [...this.#kept.keys, ...published.keys.filter(({ kid }) => kid === header.kid)] };
      return createLocalJWKSet(this.#kept)(header, token);
    }
  };

  /** The keys that are trusted now. */
  get keys(): JSONWebKeySet {
    return this.#kept ?? this.#remote.jwks() ?? { keys: [] };
  }

  get kids(): string[] {
    return kidsOf(this.keys);
  }

  /** When the cache was replaced last, ISO 8601 UTC. */
  get fetchedAt(): string {
    return new Date(this.#fetchedAt).toISOString();
  }

  /**
   * Resolves when the cache has been replaced by a fetch that began after this call. jose's reload() alone joins a
   * fetch that is under way, which may bring the set from before a rotation.
   */
  async refresh(): Promise<void> {
    const before = this.#begun;
    while (this.#replacedBy <= before) await this.#remote.reload();
  }

  /** From now on no key is forgotten, even if it is no longer published. */
  keepForever(): void {
    this.#kept ??= this.keys;
  }

  /** Goes back to the cache that {@link KeyCache.refresh} replaces. */
  keepNoLonger(): void {
    this.#kept = undefined;
  }

  /** The kids that the issuer publishes now, without any change to the cache. */
  async publishedKids(): Promise<string[]> {
    return kidsOf(await this.#published());
  }

  async #fetch(url: string, options: Parameters<typeof fetch>[1]): Promise<Response> {
    const sequence = ++this.#begun;
    const response = await fetch(url, options);
    const body = await response.text();
    if (response.ok) {
      this.#replacedBy = sequence;
      this.#fetchedAt = Date.now();
    }
    return new Response(body, response);
  }

  async #published(): Promise<JSONWebKeySet> {
    const response = await fetch(this.#url, { redirect: "manual", signal: AbortSignal.timeout(5_000) });
    if (response.status !== 200) throw new Error(`the JWKS answered HTTP ${response.status}`);
    return (await response.json()) as JSONWebKeySet;
  }
}

function kidsOf({ keys }: JSONWebKeySet): string[] {
  return keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid]));
}
