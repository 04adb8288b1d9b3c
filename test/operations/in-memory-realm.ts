import { z } from "zod";
import type { HttpAnswer } from "#operations/base/http";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import type { RealmKey } from "#operations/keys/realm-keys";
import { connectionTo, realmKey } from "./samples.ts";

/** mulberry32: the same numbers for the same seed, everywhere. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const flags = z.object({
  enabled: z.tuple([z.string()]),
  active: z.tuple([z.string()]),
  priority: z.tuple([z.string()]),
  algorithm: z.tuple([z.string()]),
});
const component = z.looseObject({
  id: z.string(),
  name: z.string(),
  subType: z.string().optional(),
  config: flags,
});
type Component = z.infer<typeof component>;

/** The program was killed before or after it changed something. */
export class Killed extends Error {}

export interface NewKey {
  name: string;
  algorithm: string;
  priority: number;
  active: boolean;
}

/**
 * A realm's keys as Keycloak keeps them, without its seconds: the program's own Keycloak client, with its requests
 * answered from memory. It never answers for the JWKS: whoever gets as far as reading it is killed there.
 */
export class InMemoryRealm extends KeycloakAdmin {
  #components: Component[] = [];
  #writesLeft = Number.POSITIVE_INFINITY;
  #count = 0;
  /** How often the keys were read. */
  reads = 0;
  /** Awaited before each request: decides who is next where several are at work. */
  turn: () => Promise<void> = async () => undefined;
  /** Called after each change. */
  onChange: () => void = () => undefined;

  constructor() {
    super(connectionTo("http://127.0.0.1"), "shop");
  }

  /** Kills whoever makes the change after so many more. */
  killAfter(writes: number): void {
    this.#writesLeft = writes;
  }

  /** Adds a key, enabled; its component id is its kid. */
  add({ name, algorithm, priority, active }: NewKey): string {
    this.#count += 1;
    const id = `key-${this.#count}`;
    const config = {
      enabled: ["true"],
      active: [String(active)],
      priority: [String(priority)],
      algorithm: [algorithm],
    };
    this.#components.push(component.parse({ id, name, providerId: "rsa-generated", config }));
    this.onChange();
    return id;
  }

  /** The keys at this very moment. */
  snapshot(): RealmKey[] {
    const { keys, active } = this.#keys();
    return keys.map(({ kid, algorithm, status, providerPriority: priority }) => {
      const { name: componentName = "" } = this.#components.find(({ id }) => id === kid) ?? {};
      const signing = active[algorithm] === kid;
      return realmKey(kid, { algorithm, status, signing, priority, componentId: kid, componentName });
    });
  }

  override async get<T>(path: string, shape: z.ZodType<T>): Promise<T> {
    await this.turn();
    if (path === "") return shape.parse({ id: "realm-id", defaultSignatureAlgorithm: "RS256" });
    if (path === "/keys") {
      this.reads += 1;
      return shape.parse(this.#keys());
    }
    if (path.startsWith("/components?")) return shape.parse(this.#components);
    return shape.parse(this.#components.find(({ id }) => path === `/components/${id}`));
  }

  override async put(path: string, body: unknown): Promise<void> {
    const changed = component.parse(body);
    await this.turn();
    this.#write(() => {
      this.#components = this.#components.map((one) => (path === `/components/${one.id}` ? changed : one));
    });
  }

  override async delete(path: string): Promise<void> {
    await this.turn();
    this.#write(() => {
      this.#components = this.#components.filter(({ id }) => path !== `/components/${id}`);
    });
  }

  override async fetchPublic(): Promise<HttpAnswer> {
    throw new Killed("killed when it read the JWKS");
  }

  #write(change: () => void): void {
    if (this.#writesLeft === 0) throw new Killed("killed before a change");
    this.#writesLeft -= 1;
    change();
    this.onChange();
  }

  #keys() {
    const keys = this.#components.map(({ id, config }) => ({
      kid: id,
      algorithm: config.algorithm[0],
      status: statusOf(config),
      providerId: id,
      providerPriority: Number(config.priority[0]),
      type: "RSA",
      use: "SIG",
    }));
    const signers = keys
      .filter(({ status }) => status === "ACTIVE")
      .toSorted((a, b) => a.providerPriority - b.providerPriority || a.kid.localeCompare(b.kid));
    const active: Record<string, string> = {};
    for (const { algorithm, kid } of signers) active[algorithm] = kid;
    return { keys, active };
  }
}

function statusOf({ enabled, active }: Component["config"]): RealmKey["status"] {
  if (enabled[0] !== "true") return "DISABLED";
  return active[0] === "true" ? "ACTIVE" : "PASSIVE";
}
