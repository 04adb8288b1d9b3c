import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate as nextRound } from "node:timers/promises";
import { RotationError } from "#operations/base/errors";
import type { HttpAnswer } from "#operations/base/http";
import type { Mode } from "#operations/base/run-context";
import { mintPair } from "#operations/canaries/mint-canaries";
import type { PublicRequest } from "#operations/keycloak/keycloak-admin";
import { cutOver } from "#operations/keys/cut-over";
import type { CutoverRequest } from "#operations/keys/cutover-request";
import { listSigningKeys, managedKeyName } from "#operations/keys/realm-keys";
import { retiringKeys } from "#operations/keys/retiring-keys";
import { InMemoryRealm, Killed, randomNumbers } from "../in-memory-realm.ts";

/** A realm on which several are at work: whose request is next is drawn by lot. */
class ContestedRealm extends InMemoryRealm {
  readonly #waiting: (() => void)[] = [];
  /** Moments at which no key could sign. */
  readonly dark: string[] = [];

  constructor() {
    super();
    this.turn = () => new Promise((resolve) => this.#waiting.push(resolve));
    this.onChange = () => {
      const keys = this.snapshot();
      if (keys.some(({ status }) => status === "ACTIVE")) return;
      this.dark.push(keys.map(({ componentName, status }) => `${componentName} ${status}`).join(", "));
    };
  }

  /** A token of the key that signs, as Keycloak would mint it, without a signature. */
  override async fetchPublic(_url = "", { form }: PublicRequest = {}): Promise<HttpAnswer> {
    if (!form) throw new Killed("nobody serves the JWKS");
    await this.turn();
    const kid = this.snapshot().find(({ signing }) => signing)?.kid;
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { jti: "jti", exp: Math.floor(Date.now() / 1000) + 36_000 };
    const token = `${part({ alg: "RS256", kid })}.${part(claims)}.c2ln`;
    return { status: 200, body: JSON.stringify({ access_token: token }) };
  }

  /** Lets everybody at work go on, one request after the other, until all are done. */
  async play(work: readonly Promise<unknown>[], random: (below: number) => number): Promise<void> {
    let left = work.length;
    for (const one of work) {
      const done = () => {
        left -= 1;
      };
      one.then(done, done);
    }
    while (left > 0) {
      await nextRound();
      this.#waiting.splice(random(Math.max(1, this.#waiting.length)), 1)[0]?.();
    }
  }
}

interface Racer {
  rotation: number;
  mode: Mode;
}

const probeClients = [{ algorithm: "RS256", clientId: "probe", clientSecret: "secret" }];

/** What an `up` does to the keys: mints with each that is to retire, publishes its own, cuts over. */
async function rotate(realm: ContestedRealm, { rotation, mode }: Racer): Promise<void> {
  const keysBefore = await listSigningKeys(realm);
  const stage = mode === "emergency" ? ("final" as const) : ("overlap" as const);
  for (const key of retiringKeys(keysBefore, { rotation, mode, stage, exemptKeys: [] }))
    await mintPair({ admin: realm, tokenEndpoint: "token", probeClients }, key, keysBefore).catch(() => {});
  await realm.turn();
  const name = managedKeyName(rotation, "RS256");
  const componentId = realm.add({ name, algorithm: "RS256", priority: 0, active: false });
  const request: CutoverRequest = {
    rotation,
    mode,
    stage,
    incident: `INC-${rotation}`,
    componentIds: [componentId],
    exemptKeys: [],
    overlapMs: 360_000,
    keepRetired: 1,
    jwksUris: [],
    canary: { keysBefore, keysBeforeAt: new Date().toISOString(), canaries: [] },
  };
  await cutOver(realm, request, () => undefined);
}

const races: [string, Racer[]][] = [
  [
    "two emergencies",
    [
      { rotation: 1, mode: "emergency" },
      { rotation: 2, mode: "emergency" },
    ],
  ],
  [
    "two emergencies of the same number",
    [
      { rotation: 1, mode: "emergency" },
      { rotation: 1, mode: "emergency" },
    ],
  ],
  [
    "a planned rotation and a later emergency",
    [
      { rotation: 1, mode: "planned" },
      { rotation: 2, mode: "emergency" },
    ],
  ],
  [
    "an emergency and a later planned rotation",
    [
      { rotation: 1, mode: "emergency" },
      { rotation: 2, mode: "planned" },
    ],
  ],
];

suite("racing cut-overs, without a lease between them", () => {
  for (const [title, racers] of races) {
    test(`${title}: in each of 100 races the realm can sign at every moment`, async () => {
      for (let seed = 1; seed <= 100; seed += 1) {
        const realm = new ContestedRealm();
        realm.add({ name: "rsa-generated", algorithm: "RS256", priority: 100, active: true });
        const runs = racers.map((racer) => rotate(realm, racer));
        await realm.play(runs, randomNumbers(seed));
        const ends = (await Promise.allSettled(runs)).map((one) => one.status === "rejected" && one.reason);
        assert.deepEqual(realm.dark, [], `race ${seed}`);
        for (const end of ends) assert.ok(end instanceof Killed || end instanceof RotationError, `${end}`);
      }
    });
  }
});
