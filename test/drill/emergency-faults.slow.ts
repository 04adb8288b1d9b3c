import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { RotationError } from "#operations/base/errors";
import { configureConnection } from "#operations/keycloak/connection";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { isTrusted, listSigningKeys, rotationOf } from "#operations/keys/realm-keys";
import { type Fault, type FaultProxy, startFaultProxy } from "../../scripts/lab/fault-proxy.ts";
import { type Fleet, startFleet } from "../../scripts/lab/fleet.ts";
import { type LabKeycloak, startKeycloak } from "../../scripts/lab/keycloak.ts";
import { LabAdmin } from "../../scripts/lab/keycloak-realms.ts";
import { ellipticRealm } from "../operations/elliptic-realm.ts";
import { connectionTo } from "../operations/samples.ts";
import { emergencySettings, wholeEmergency } from "./whole-emergency.ts";

/** Milliseconds for one request; an answer that is held back is held for as long as the test runs. */
const timeoutMs = 2_000;
const apiRefreshToken = "refresh-token-of-the-fault-tests";

/** Every request in turn takes some minutes for each fault (EVERY=1); here some of them are enough. */
const every = Number(process.env.EVERY ?? 0);
const faults: [string, Fault, number][] = [
  ["HTTP 502", { kind: "status", status: 502 }, every || 3],
  ["a reset", { kind: "reset" }, every || 5],
  ["an answer that never comes", { kind: "delay", ms: Number.POSITIVE_INFINITY }, every || 11],
];

/** A realm in which one emergency follows another, through a proxy that fails once in each. */
class Emergencies {
  readonly #lab: LabAdmin;
  readonly #proxy: FaultProxy;
  readonly #fleet: Fleet;
  readonly #evidenceDir: string;
  readonly realm: string;
  readonly direct: KeycloakAdmin;
  #rotation = 0;

  constructor(keycloak: LabKeycloak, proxy: FaultProxy, fleet: Fleet, realm: string, evidenceDir: string) {
    this.#lab = new LabAdmin(keycloak);
    this.#proxy = proxy;
    this.#fleet = fleet;
    this.#evidenceDir = evidenceDir;
    this.realm = realm;
    const { url, adminClientId: clientId, adminClientSecret: clientSecret } = keycloak;
    this.direct = new KeycloakAdmin({ ...connectionTo(url), clientId, clientSecret }, realm);
  }

  /** One whole emergency; the n-th request to Keycloak from its beginning on fails. */
  async next(n: number, fault: Fault): Promise<RotationError | undefined> {
    this.#rotation += 1;
    this.#proxy.failOnce(n, fault);
    try {
      const { realm } = this;
      const instances = this.#fleet.instances.map(({ name, url }) => ({ name, url }));
      const settings = emergencySettings({
        realm,
        rotation: this.#rotation,
        instances,
        evidenceDir: this.#evidenceDir,
      });
      // All that an emergency may do, so that all of its requests come by.
      const emergency = { ...settings.emergency, freeze: "both" as const, revoke: "all" as const };
      await wholeEmergency({ ...settings, emergency }, apiRefreshToken);
      return undefined;
    } catch (error) {
      if (error instanceof RotationError) return error;
      throw error;
    }
  }

  get hasFailed(): boolean {
    return this.#proxy.hasFailed;
  }

  path(n: number): string {
    const { method = "", path = "" } = this.#proxy.requests[n - 1] ?? {};
    return `${method} ${path.split("/").slice(-2).join("/")}`;
  }

  /** Whatever the outcome: one of ours signs, and nothing but it is trusted. Then what is dead goes, for the next one. */
  async check(what: string): Promise<void> {
    const keys = await listSigningKeys(this.direct);
    const signer = keys.find(({ algorithm, signing }) => algorithm === "ES256" && signing);
    assert.equal(rotationOf(signer?.componentName ?? ""), this.#rotation, `${what}: the new key signs`);
    const trusted = keys.filter(isTrusted).map(({ componentName }) => rotationOf(componentName));
    assert.deepEqual(trusted, [this.#rotation], `${what}: only the new key is trusted`);
    for (const { componentId } of keys.filter((key) => !isTrusted(key)))
      await this.#lab.deleteKey(this.realm, componentId);
  }
}

suite("a whole emergency, while one request to Keycloak fails", () => {
  let keycloak: LabKeycloak;
  let proxy: FaultProxy;

  before(async () => {
    keycloak = await startKeycloak();
    proxy = await startFaultProxy(keycloak.url, { delay: () => new Promise(() => undefined) });
    const { adminClientId: clientId, adminClientSecret: clientSecret } = keycloak;
    const config: Record<string, string> = { url: proxy.url, clientId, clientSecret };
    config.clientTimeout = String(timeoutMs / 1_000);
    configureConnection((key) => config[key]);
  });
  after(async () => {
    await proxy?.stop();
    await keycloak?.stop();
  });

  for (const [title, fault, step] of faults) {
    test(`${title}: the old key dies, a key of ours signs, and it is green or says what was not done`, async (t) => {
      t.mock.method(console, "log", () => undefined);
      const lab = new LabAdmin(keycloak);
      const { name: realm } = await lab.createRealm(undefined, ellipticRealm);
      t.after(() => lab.deleteRealm(realm));
      const fleet = await startFleet({ count: 1, issuer: `${proxy.url}/realms/${realm}`, apiRefreshToken });
      t.after(() => fleet.stop());
      const evidenceDir = await mkdtemp(join(tmpdir(), "emergency-faults-"));
      t.after(() => rm(evidenceDir, { recursive: true, force: true }));
      const world = new Emergencies(keycloak, proxy, fleet, realm, evidenceDir);
      assert.equal(await world.next(Number.POSITIVE_INFINITY, fault), undefined);
      await world.check("without a fault");
      const red: string[] = [];
      let count = 0;
      for (let n = 1; ; n += step) {
        const error = await world.next(n, fault);
        if (!world.hasFailed) break;
        const what = `${title} at request ${n} (${world.path(n)})`;
        count += 1;
        await world.check(what);
        if (error) red.push(`${what}: ${error.message}`);
      }
      t.diagnostic(`${count} requests failed in turn; red: ${red.length}`);
      for (const one of red) t.diagnostic(one);
      assert.ok(count > 0);
    });
  }
});
