import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ensureProbeClients } from "#operations/canaries/probe-clients";
import { examineClock } from "#operations/doctor/clock";
import type { Examined } from "#operations/doctor/finding";
import { examineKeySets } from "#operations/doctor/key-sets";
import { examineRealm } from "#operations/doctor/realm";
import { examineRoles } from "#operations/doctor/roles";
import { examineSaml } from "#operations/doctor/saml";
import { examineTokens } from "#operations/doctor/tokens";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { listSigningKeys } from "#operations/keys/realm-keys";
import { refusingUrl } from "../loopback-server.ts";
import { realRealms } from "../real-realm.ts";

const identity = { algorithms: ["RS256", "ES256"], audience: [], realmRoles: [], clockSkewSeconds: 60 };
const question = {
  rotation: 0,
  mode: "planned",
  incident: "",
  algorithms: ["RS256"],
  exemptKeys: [],
  keepRetired: 1,
  overlapSeconds: undefined,
  allowShortOverlap: false,
  clockSkewSeconds: 60,
  probeHasRoles: false,
  emergency: { freeze: "none", revoke: "none", internalKeys: [], adminRoles: [] },
} as const;
const found = ({ findings }: Examined) => findings.map(({ severity, code }) => `${severity} ${code}`);

suite("the doctor at a real realm", () => {
  const realmFor = realRealms();

  test("a sound realm has no findings, and its keys are as before", async (t) => {
    const { admin } = await realmFor(t);
    await ensureProbeClients(admin, { ...identity, algorithms: ["RS256"] });
    const keys = await listSigningKeys(admin);
    const { examined, facts } = await examineRealm(admin, question);
    assert.match(
      examined.seen,
      new RegExp(`an emergency \\(rotation 1\\) would disable kid ${keys[0]?.kid}$`),
    );
    const tokens = await examineTokens(admin, { algorithms: ["RS256"], keys, longestRunSeconds: 600 });
    const all = [
      examined,
      await examineRoles(admin, { touchesUsers: true }),
      await examineClock(new KeycloakAdmin(admin.connection, admin.realmName), { now: () => Date.now() }),
      tokens.examined,
      await examineKeySets(admin, [], facts?.keys ?? []),
      await examineSaml(admin),
    ];
    assert.deepEqual(all.flatMap(found), []);
    const { good, forged, expired } = tokens.tokens;
    assert.deepEqual(
      [good.map(({ kid }) => kid), forged.length, expired?.algorithm],
      [[keys[0]?.kid], 1, "RS256"],
    );
    assert.deepEqual(await listSigningKeys(admin), keys);
  });

  test("no token is asked for an algorithm that no key signs: Keycloak would make a key", async (t) => {
    const { admin } = await realmFor(t);
    await ensureProbeClients(admin, { ...identity, algorithms: ["ES256", "RS256"] });
    const keys = await listSigningKeys(admin);
    const { examined, tokens } = await examineTokens(admin, {
      algorithms: ["ES256", "RS256"],
      keys,
      longestRunSeconds: 600,
    });
    assert.match(examined.seen, /^RS256: lives .+; ES256: no key signs it yet$/);
    // The client for expired tokens asks for the first algorithm.
    assert.equal(tokens.expired, undefined);
    assert.deepEqual(found(examined), ["unknown PROBE_CLIENT_MISSING"]);
    assert.deepEqual(await listSigningKeys(admin), keys);
  });

  test("probe clients that are not there are not made, and one that may not mint is found with Keycloak's reason", async (t) => {
    const { admin, lab, realm } = await realmFor(t);
    const keys = await listSigningKeys(admin);
    const ask = async () =>
      (await examineTokens(admin, { algorithms: ["RS256"], keys, longestRunSeconds: 600 })).examined;
    assert.deepEqual(found(await ask()), ["unknown PROBE_CLIENT_MISSING", "unknown PROBE_CLIENT_MISSING"]);
    await ensureProbeClients(admin, { ...identity, algorithms: ["RS256"] });
    const { id } = await lab.client(realm.name, "jwks-break-glass-probe-rs256");
    await lab.send("PUT", `/${realm.name}/clients/${id}`, { serviceAccountsEnabled: false });
    const { findings } = await ask();
    assert.deepEqual(
      findings.map(({ code }) => code),
      ["TOKEN_NOT_MINTED"],
    );
    assert.match(findings[0]?.what ?? "", /HTTP 401 \(unauthorized_client: Client not enabled to retrieve/);
  });

  test("tokens that can't live as long as a run are found", async (t) => {
    const { admin, lab, realm } = await realmFor(t, {
      ssoSessionMaxLifespan: 240,
      ssoSessionIdleTimeout: 240,
    });
    await ensureProbeClients(admin, { ...identity, algorithms: ["RS256"] });
    const keys = await listSigningKeys(admin);
    const ask = (longestRunSeconds: number) =>
      examineTokens(admin, { algorithms: ["RS256"], keys, longestRunSeconds });
    assert.deepEqual(found((await ask(600)).examined), []);
    // Without offline access, tokens live as long as sessions may.
    const scopes = (await lab.get(`/${realm.name}/client-scopes`)) as { id: string; name: string }[];
    const offline = scopes.find(({ name }) => name === "offline_access")?.id;
    const { id } = await lab.client(realm.name, "jwks-break-glass-probe-rs256");
    await lab.send("DELETE", `/${realm.name}/clients/${id}/optional-client-scopes/${offline}`);
    assert.deepEqual(found((await ask(600)).examined), ["problem TOKENS_TOO_SHORT"]);
    await lab.send("PUT", `/${realm.name}`, { ssoSessionMaxLifespan: 500, ssoSessionIdleTimeout: 500 });
    assert.deepEqual(found((await ask(600)).examined), ["warning TOKENS_TOO_SHORT"]);
  });

  test("what costs the proof, a SAML client, and a Keycloak that does not answer are found", async (t) => {
    const { admin, lab, realm } = await realmFor(t);
    const { examined } = await examineRealm(admin, { ...question, algorithms: ["ES256"] });
    assert.deepEqual([...new Set(found(examined))], ["problem PROOF_IN_DOUBT"]);
    await lab.send("POST", `/${realm.name}/clients`, {
      clientId: "partner",
      protocol: "saml",
      attributes: { "saml.server.signature": "true", "saml.assertion.signature": "false" },
    });
    assert.match((await examineSaml(admin)).findings[0]?.what ?? "", /: partner$/);
    const connection = { ...admin.connection, timeoutMs: 500 };
    const url = await refusingUrl();
    const down = await examineRealm(new KeycloakAdmin({ ...connection, url }, realm.name), question);
    assert.deepEqual(found(down.examined), ["critical KEYCLOAK_UNREACHABLE"]);
    assert.equal(down.isLoggedIn, false);
    const missing = await examineRealm(new KeycloakAdmin(connection, "no-such-realm"), question);
    assert.deepEqual(found(missing.examined), ["critical REALM_NOT_FOUND"]);
  });
});
