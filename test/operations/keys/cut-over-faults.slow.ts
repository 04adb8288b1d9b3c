import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { RotationError } from "#operations/base/errors";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { cutOver } from "#operations/keys/cut-over";
import { publishKey } from "#operations/keys/publish-key";
import { isTrusted, listKeyComponents, listSigningKeys, rotationOf } from "#operations/keys/realm-keys";
import type { KnownBefore } from "#operations/keys/retired-key";
import { type Fault, startFaultProxy } from "../../../scripts/lab/fault-proxy.ts";
import { ellipticRealm } from "../elliptic-realm.ts";
import { realRealms } from "../real-realm.ts";

/** Milliseconds for one request; an answer that is held back is held for longer. */
const timeoutMs = 1_500;
const faults: Record<string, Fault> = {
  "HTTP 502": { kind: "status", status: 502 },
  "a reset": { kind: "reset" },
  "a lost answer": { kind: "lost-answer" },
  "a delay": { kind: "delay", ms: 2 * timeoutMs },
};
const none: Fault = { kind: "delay", ms: 0 };

/** A realm in which one emergency follows another, through a proxy that fails once in each. */
class Emergencies {
  readonly direct: KeycloakAdmin;
  readonly #proxy: Awaited<ReturnType<typeof startFaultProxy>>;
  #rotation = 0;

  constructor(direct: KeycloakAdmin, proxy: Awaited<ReturnType<typeof startFaultProxy>>) {
    this.direct = direct;
    this.#proxy = proxy;
  }

  /** Logs in anew: the login may be the request that fails. */
  #proxied(): KeycloakAdmin {
    const { url } = this.#proxy;
    const connection = { ...this.direct.connection, url, adminUrl: url, timeoutMs };
    return new KeycloakAdmin(connection, this.direct.realmName);
  }

  /** Publishes the next rotation's key and cuts over to it; the n-th request from the cut-over's first on fails. */
  async next(n: number, fault: Fault): Promise<{ requests: number; ms: number; error?: RotationError }> {
    this.#rotation += 1;
    const keysBefore = await listSigningKeys(this.direct);
    const canary = { keysBefore, keysBeforeAt: new Date().toISOString(), canaries: [] };
    this.#proxy.failOnce(n, fault);
    const startedAt = performance.now();
    const error = await this.#rotate(canary).catch((thrown: unknown) => {
      if (thrown instanceof RotationError) return thrown;
      throw thrown;
    });
    const ms = performance.now() - startedAt;
    return { requests: this.#proxy.requests.length, ms, ...(error ? { error } : {}) };
  }

  async #rotate(canary: KnownBefore): Promise<undefined> {
    const admin = this.#proxied();
    const { componentId } = await publishKey(admin, { rotation: this.#rotation }, "ES256");
    const rotation = this.#rotation;
    const goal = { rotation, exemptKeys: [], mode: "emergency", stage: "final" } as const;
    const rest = { overlapMs: 360_000, keepRetired: 1, jwksUris: [], incident: "INC-1", canary };
    await cutOver(admin, { ...goal, componentIds: [componentId], ...rest }, () => undefined);
  }

  get hasFailed(): boolean {
    return this.#proxy.hasFailed;
  }

  get paths(): string[] {
    return this.#proxy.requests.map(({ method, path }) => `${method} ${path.split("/").slice(-2).join("/")}`);
  }

  /** Green: only the new key is trusted, and signs. Red: whatever it is, one of ours signs. Never neither. */
  async check(what: string, error: RotationError | undefined): Promise<void> {
    const keys = await listSigningKeys(this.direct);
    const signer = keys.find(({ algorithm, signing }) => algorithm === "ES256" && signing);
    assert.ok(signer && rotationOf(signer.componentName) !== undefined, `${what}: a key of ours signs`);
    if (error) return;
    const trusted = keys.filter(isTrusted).map(({ componentName }) => rotationOf(componentName));
    assert.deepEqual(trusted, [this.#rotation], `${what}: green, and only the new key is trusted`);
  }

  /** One key was made; what is dead is deleted, so that the hundredth emergency is as quick as the first. */
  async tidy(what: string): Promise<void> {
    const ours = (await listKeyComponents(this.direct)).filter(
      ({ name }) => rotationOf(name) === this.#rotation,
    );
    assert.equal(ours.length, 1, `${what}: one key was made`);
    const dead = (await listSigningKeys(this.direct)).filter((key) => !isTrusted(key));
    for (const { componentId } of dead) await this.direct.delete(`/components/${componentId}`);
  }
}

const makeRealm = realRealms();

async function emergencies(t: TestContext): Promise<Emergencies> {
  const { admin } = await makeRealm(t, { ...ellipticRealm, users: [] });
  const proxy = await startFaultProxy(admin.connection.url);
  t.after(() => proxy.stop());
  return new Emergencies(admin, proxy);
}

suite("publishing and cutting over in an emergency, while one request fails", () => {
  for (const [title, fault] of Object.entries(faults)) {
    test(`${title}, at every request in turn: it converges, or is red with a key of ours signing`, async (t) => {
      const world = await emergencies(t);
      const calm = await world.next(1, none);
      assert.equal(calm.error, undefined);
      t.diagnostic(`without a fault: ${calm.requests} requests, ${Math.round(calm.ms)} ms`);
      const red: string[] = [];
      let slowest = 0;
      let n = 1;
      for (; ; n += 1) {
        const { error, ms } = await world.next(n, fault);
        if (!world.hasFailed) break;
        const what = `${title} at request ${n} (${world.paths[n - 1]})`;
        slowest = Math.max(slowest, ms);
        await world.check(what, error);
        if (error) red.push(`${what}: ${error.code}`);
        await world.tidy(what);
      }
      t.diagnostic(`${n - 1} requests failed in turn, slowest ${Math.round(slowest)} ms; red: ${red.length}`);
      assert.deepEqual(red, [], "each is tried again");
    });
  }
});
