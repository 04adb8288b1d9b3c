import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { prepareProof } from "#operations/proof/prepare-proof";
import { keycloakStandIn } from "../keycloak-stand-in.ts";
import { sendJson } from "../loopback-server.ts";
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
