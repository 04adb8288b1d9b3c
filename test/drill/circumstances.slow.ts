import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { messageOf } from "#operations/base/errors";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { isTrusted, listSigningKeys, type RealmKey } from "#operations/keys/realm-keys";
import type { RunSettings } from "#phases/phase-details";
import { type FleetOptions, startFleet } from "../../scripts/lab/fleet.ts";
import { LabAdmin } from "../../scripts/lab/keycloak-realms.ts";
import { ellipticRealm } from "../operations/elliptic-realm.ts";
import { serve } from "../operations/loopback-server.ts";
import { connectionTo } from "../operations/samples.ts";
import { configuredKeycloak, emergencySettings, wholeEmergency } from "./whole-emergency.ts";

const apiRefreshToken = "refresh-token-of-the-circumstances";

/** A realm in which something is amiss when a key is stolen. */
interface World {
  t: TestContext;
  lab: LabAdmin;
  realm: string;
}

interface Circumstance {
  /** Name of the golden text; the run is green where there is none. */
  golden?: string;
  fleet?: Partial<FleetOptions>;
  realm?: object;
  /** Makes something be amiss; changes the settings. */
  amiss?: (world: World, settings: RunSettings) => Promise<RunSettings | undefined>;
}

const circumstances: Record<string, Circumstance> = {
  "the API wants another audience than the probe's tokens have": {
    golden: "refused-canary",
    fleet: { audience: "shop" },
  },
  "one instance hangs": {
    golden: "hanging-instance",
    fleet: { count: 2, misbehave: [{ kind: "hang", count: 1 }] },
    amiss: async (_, settings) => ({ ...settings, emergency: { ...settings.emergency, budgetMs: 4_000 } }),
  },
  "somebody has deleted a probe client": {
    amiss: async ({ lab, realm }, settings) => {
      await wholeEmergency({ ...settings, run: { ...settings.run, rotation: 1 } }, apiRefreshToken);
      const { id } = await lab.client(realm, "jwks-break-glass-probe-es256");
      await lab.send("DELETE", `/${realm}/clients/${id}`);
      return { ...settings, run: { ...settings.run, rotation: 2, incident: "INC-2" } };
    },
  },
  "the secret of a probe client was made anew": {
    amiss: async ({ lab, realm }, settings) => {
      await wholeEmergency({ ...settings, run: { ...settings.run, rotation: 1 } }, apiRefreshToken);
      const { id } = await lab.client(realm, "jwks-break-glass-probe-es256");
      await lab.send("POST", `/${realm}/clients/${id}/client-secret`);
      return { ...settings, run: { ...settings.run, rotation: 2, incident: "INC-2" } };
    },
  },
  "the realm's tokens can't live for five minutes": {
    realm: {
      ssoSessionMaxLifespan: 120,
      offlineSessionMaxLifespanEnabled: true,
      offlineSessionMaxLifespan: 120,
    },
  },
  "a client policy forbids what the probe clients are": {
    golden: "client-policy",
    amiss: async ({ lab, realm }) => {
      const secure = {
        executor: "secure-client-authenticator",
        configuration: {
          "allowed-client-authenticators": ["client-x509"],
          "default-client-authenticator": "client-x509",
        },
      };
      const profile = { name: "strict", executors: [secure] };
      await lab.send("PUT", `/${realm}/client-policies/profiles`, { profiles: [profile] });
      const conditions = [{ condition: "any-client", configuration: {} }];
      const policy = { name: "all", enabled: true, conditions, profiles: ["strict"] };
      await lab.send("PUT", `/${realm}/client-policies/policies`, { policies: [policy] });
      return undefined;
    },
  },
  "the realm has no role that the API asks for": {
    golden: "missing-role",
    amiss: async (_, settings) => ({
      ...settings,
      probeIdentity: { ...settings.probeIdentity, realmRoles: ["nobody-has-it"] },
    }),
  },
  "a key signs an algorithm that is not covered": {
    golden: "algorithm-not-covered",
    amiss: async ({ lab, realm }) => {
      await lab.createKey(realm, "eddsa-by-hand", "eddsa-generated", { priority: "100" });
      return undefined;
    },
  },
  "a JWKS URL that verifiers use answers 500": {
    golden: "jwks-url-500",
    amiss: async ({ t }, settings) => {
      const { url } = await serve(t, (response) => response.writeHead(500).end());
      return { ...settings, jwksUris: [`${url}/jwks.json`], jwksTimeoutMs: 1_000 };
    },
  },
  "a JWKS URL that verifiers use goes on showing the old set": {
    golden: "jwks-url-stale",
    amiss: async ({ t, lab, realm }, settings) => {
      const answer = await fetch(`${lab.issuer(realm)}/protocol/openid-connect/certs`);
      const stale = await answer.text();
      const { url } = await serve(t, (response) => response.writeHead(200).end(stale));
      return { ...settings, jwksUris: [`${url}/jwks.json`], jwksTimeoutMs: 1_000 };
    },
  },
};

/** The text as it is on every run: kids, addresses and paths differ. */
function goldenText(text: string, keys: readonly RealmKey[]): string {
  const named = [...keys]
    .toSorted((a, b) => a.componentName.localeCompare(b.componentName))
    .reduce((so, { kid, componentName }) => so.replaceAll(kid, `<kid of ${componentName}>`), text);
  return named
    .replaceAll(/\/\S*\/evidence-\S*?\/INC/g, "<evidence>/INC")
    .replaceAll(/127\.0\.0\.1:[0-9]+/g, "<address>")
    .replaceAll(/lab-[0-9a-f-]{36}/g, "<realm>")
    .replaceAll(/after [0-9.]+ s|within [0-9.]+ s|[0-9]+ ms/g, "<time>");
}

suite("nothing of this stops an emergency", () => {
  const keycloakOf = configuredKeycloak();

  for (const [title, { golden, fleet: fleetOptions, realm: realmOptions, amiss }] of Object.entries(
    circumstances,
  )) {
    test(`${title}: the key dies, and the run is ${golden ? "red" : "green"}`, async (t) => {
      t.mock.method(console, "log", () => undefined);
      const lab = new LabAdmin(keycloakOf());
      const { name: realm } = await lab.createRealm(undefined, { ...ellipticRealm, ...realmOptions });
      t.after(() => lab.deleteRealm(realm));
      const issuer = lab.issuer(realm);
      const env = { COOLDOWN_MS: "3600000", CACHE_MAX_AGE_MS: "3600000" };
      const fleet = await startFleet({ count: 1, issuer, apiRefreshToken, env, ...fleetOptions });
      t.after(() => fleet.stop());
      const evidenceDir = await mkdtemp(join(tmpdir(), "evidence-"));
      t.after(() => rm(evidenceDir, { recursive: true, force: true }));
      const instances = fleet.instances.map(({ name, url }) => ({ name, url }));
      const settings = emergencySettings({ realm, rotation: 1, instances, evidenceDir });
      const changed = (await amiss?.({ t, lab, realm }, settings)) ?? settings;
      const { url, adminClientId: clientId, adminClientSecret: clientSecret } = keycloakOf();
      const direct = new KeycloakAdmin({ ...connectionTo(url), clientId, clientSecret }, realm);
      const before = (await listSigningKeys(direct)).filter(isTrusted).map(({ kid }) => kid);
      const end = await wholeEmergency(changed, apiRefreshToken).then(
        () => "green",
        (error: unknown) => messageOf(error),
      );
      const keys = await listSigningKeys(direct);
      const alive = keys.filter((key) => isTrusted(key) && before.includes(key.kid));
      assert.deepEqual(alive, [], `every key that was trusted before is dead: ${end}`);
      if (golden === undefined) assert.equal(end, "green");
      else
        t.assert.fileSnapshot(goldenText(end, keys), join(import.meta.dirname, "golden", `${golden}.txt`), {
          serializers: [String],
        });
    });
  }
});
