import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { ensureProbeClients } from "#operations/canaries/probe-clients";
import type { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { prepareProof } from "#operations/proof/prepare-proof";
import { keycloakStandIn } from "../keycloak-stand-in.ts";
import { sendJson, serve } from "../loopback-server.ts";
import { realRealms } from "../real-realm.ts";
import { staticFleet } from "../samples.ts";

const goal = { rotation: 1, exemptKeys: [], probeClients: [], fleet: staticFleet() };

/** A realm without keys, whose public URLs answer 500. */
async function unreadable(t: TestContext) {
  const { admin } = await keycloakStandIn(t, {
    "/admin/realms/shop/keys": (response) => sendJson(response, 200, { active: {}, keys: [] }),
    "/admin/realms/shop/components": (response) => sendJson(response, 200, []),
    "/realms/shop/.well-known/openid-configuration": (response) => response.writeHead(500).end(),
  });
  return admin;
}

const realmFor = realRealms();

/** An API that takes only the realm's tokens for it. */
async function pickyApi(t: TestContext, { realmUrl }: KeycloakAdmin, audience: string) {
  const keys = createRemoteJWKSet(new URL(`${realmUrl}/protocol/openid-connect/certs`));
  const { url } = await serve(t, async (response, { headers }) => {
    const token = headers.authorization?.slice("Bearer ".length) ?? "";
    const isGood = await jwtVerify(token, keys, { audience }).then(
      () => true,
      () => false,
    );
    response.writeHead(isGood ? 200 : 401).end();
  });
  return staticFleet({ name: "api-1", url });
}

suite("prepareProof, with canary tokens of an earlier run", () => {
  for (const mode of ["emergency", "planned"] as const) {
    test(`${mode}: those that the API refuses now are minted anew while their key can mint`, async (t) => {
      const { admin } = await realmFor(t);
      const identity = { algorithms: ["RS256"], audience: ["before"], realmRoles: [], clockSkewSeconds: 60 };
      const request = async (audience: string) => ({
        ...{ rotation: 1, exemptKeys: [], mode, stage: "overlap" as const },
        fleet: await pickyApi(t, admin, audience),
        probeClients: (await ensureProbeClients(admin, { ...identity, audience: [audience] })).clients,
      });
      const before = await prepareProof(admin, await request("before"));
      const kept = { ...before, rotation: 1 };
      const same = await prepareProof(admin, { ...(await request("before")), kept });
      assert.deepEqual(same.findings.canaries, before.findings.canaries);
      const { findings, tokens } = await prepareProof(admin, { ...(await request("now")), kept });
      const [[old], [fresh]] = [before.findings.canaries, findings.canaries];
      assert.equal(fresh?.kid, old?.kid);
      assert.notEqual(fresh?.seen.jti, old?.seen.jti);
      assert.ok(fresh && tokens[fresh.seen.jti] && tokens[fresh.unseen.jti]);
      assert.equal(findings.baseline[0]?.verdicts[0]?.verdict.kind, "accepted");
    });
  }
});

suite("prepareProof, where discovery can't be read", () => {
  test("an emergency goes on without the old key set", async (t) => {
    const { findings } = await prepareProof(await unreadable(t), { ...goal, mode: "emergency" });
    assert.deepEqual(findings.jwksBefore, { keys: [] });
  });

  test("a planned rotation stops before anything is changed", async (t) => {
    const asked = prepareProof(await unreadable(t), { ...goal, mode: "planned" });
    await assert.rejects(asked, { code: "JWKS_UNREADABLE" });
  });
});
