import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { RotationError } from "#operations/base/errors";
import { verificationError } from "#operations/proof/verification-error";
import type { VerificationRequest } from "#operations/proof/verification-request";
import { verifyRotation } from "#operations/proof/verify";
import { keycloakStandIn, type Routes } from "../keycloak-stand-in.ts";
import { sendJson, serve } from "../loopback-server.ts";
import { at, instanceVerification, ledgerRow, soundBefore, staticFleet, verification } from "../samples.ts";
import { signingRealm, soundVerifier } from "../signing-realm.ts";

const realm = await signingRealm({ old: "RS256", new: "RS256" });
const newSet = realm.jwks("new");
const rejects: Routes[string] = (response) => response.writeHead(401).end();

/** An issuer that has cut over, and its answer to userinfo. */
async function issuer(t: TestContext, userinfo: Routes[string] = rejects, notBefore = 0) {
  const { admin, server } = await keycloakStandIn(t, {
    "/realms/shop/.well-known/openid-configuration": (response) => {
      const endpoints = { jwks_uri: "certs", token_endpoint: "token", userinfo_endpoint: "userinfo" };
      const urls = Object.entries(endpoints).map(([key, path]) => [key, `${server.url}/${path}`]);
      sendJson(response, 200, { issuer: "i", ...Object.fromEntries(urls) });
    },
    "/certs": (response) => sendJson(response, 200, newSet),
    "/token": async (response, { body }) => {
      const past = Math.floor(Date.now() / 1000) - 5;
      const { token } = await realm.mint("new", body.includes("expired") ? { exp: past } : {});
      sendJson(response, 200, { access_token: token });
    },
    "/userinfo": userinfo,
    "/admin/realms/shop": (response) => sendJson(response, 200, { id: "shop", notBefore }),
  });
  return admin;
}

async function soundApi(t: TestContext): Promise<string> {
  const server = await serve(t, async (response, { headers }) => {
    const token = (headers.authorization ?? "").replace("Bearer ", "");
    response.writeHead((await soundVerifier(token, newSet)) ? 200 : 401).end();
  });
  return server.url;
}

async function request(
  t: TestContext,
  change: Partial<VerificationRequest> = {},
): Promise<VerificationRequest> {
  const [seen, unseen] = [await realm.mint("old"), await realm.mint("old")];
  const control = await realm.mint("new");
  const client = { algorithm: "RS256", clientId: "probe", clientSecret: "s" };
  const end = { disabledAt: at(0), disabledAtIsExact: true };
  return {
    fleet: staticFleet({ name: "api-1", url: await soundApi(t) }),
    restarts: [],
    probeClients: async () => ({ clients: [client], expired: { ...client, clientId: "expired" } }),
    newKids: ["new"],
    passive: [],
    emergency: { failures: [], orders: {} },
    ...{ rotation: 2, rows: [ledgerRow()], acknowledged: [] },
    issuer: [
      {
        kid: "old",
        jti: unseen.jti,
        verdict: { kind: "rejected", status: 401 },
        control: { jti: control.jti, verdict: { kind: "accepted", status: 200 } },
      },
    ],
    retired: {
      keys: [{ kid: "old", algorithm: "RS256", componentName: "name-old", ...end }],
      canaries: [{ kid: "old", algorithm: "RS256", seen: publicPart(seen), unseen: publicPart(unseen) }],
      canaryTokens: { [seen.jti]: seen.token, [unseen.jti]: unseen.token },
      controls: [control],
      baseline: [{ instance: "api-1", verdicts: [soundBefore("old")] }],
      cutOverAt: at(0),
    },
    ...change,
  };
}

function publicPart({ jti, expiresAt }: { jti: string; expiresAt: string }) {
  return { jti, expiresAt };
}

suite("verifyRotation", () => {
  test("probe clients that can't be made are a red result with Keycloak's reason, and nothing is thrown", async (t) => {
    const reason = new RotationError("KEYCLOAK_UNEXPECTED_ANSWER", "a client policy forbids it", {
      nextStep: "allow it",
    });
    const asked = await request(t, { probeClients: () => Promise.reject(reason) });
    const { result } = await verifyRotation(await issuer(t), asked);
    assert.equal(result.verified, false);
    assert.match(result.failures.join(), /a client policy forbids it/);
  });

  test("a sound instance and a sound issuer are verified", async (t) => {
    const { result } = await verifyRotation(await issuer(t), await request(t));
    assert.deepEqual([result.verified, result.failures], [true, []]);
    assert.deepEqual([result.instances[0]?.proof, result.issuer[0]?.ok], ["replayed", true]);
  });

  test("a dead key that nobody can be asked about is named, however good everything else is", async (t) => {
    const rows = [ledgerRow(), ledgerRow({ kid: "older", how: "by-hand" })];
    const { result } = await verifyRotation(await issuer(t), await request(t, { rows }));
    assert.equal(result.verified, false);
    assert.equal(result.failures.length, 1);
    assert.match(
      result.failures[0] ?? "",
      /^api-1 can't be asked about kid older, for which there are no canary/,
    );
    assert.deepEqual(
      result.ledger?.map(({ kid, how, status, left }) => [kid, how, status, left]),
      [
        ["old", "rotation", "open", 0],
        ["older", "by-hand", "open", 1],
      ],
    );
  });

  test("a dead key that the config closes by name is not asked about, and nothing is called proven", async (t) => {
    const closed = { kid: "older", reason: "all were rebuilt", by: "alice", commit: "abc" };
    const rows = [ledgerRow(), ledgerRow({ kid: "older", standing: "acknowledged" })];
    const change = { rows, acknowledged: [closed] };
    const { result } = await verifyRotation(await issuer(t), await request(t, change));
    assert.deepEqual([result.verified, result.acknowledged], [true, [closed]]);
    assert.deepEqual(
      result.instances.map(({ proof }) => proof),
      ["acknowledged"],
    );
    assert.deepEqual(
      result.issuer.map(({ kid }) => kid),
      ["old"],
    );
  });

  test("an acknowledged key is not shown to anybody, although there are canary tokens of it", async (t) => {
    const asked = await request(t, {
      rows: [ledgerRow({ standing: "acknowledged" })],
      acknowledged: [{ kid: "old", reason: "r", by: "alice" }],
    });
    const { result } = await verifyRotation(await issuer(t), asked);
    assert.deepEqual([result.verified, result.issuer], [true, []]);
    assert.ok(result.instances.every(({ checks }) => checks.every(({ check }) => check !== "retired")));
  });

  test("where Keycloak's userinfo refuses the control token, too, its refusal says nothing about the key", async (t) => {
    const asked = await request(t);
    const [pair] = asked.issuer;
    assert.ok(pair);
    const refused = {
      ...pair,
      control: { ...pair.control, verdict: { kind: "rejected", status: 401 } as const },
    };
    for (const issuerSaid of [[refused], []]) {
      const { result } = await verifyRotation(await issuer(t), { ...asked, issuer: issuerSaid });
      assert.equal(result.verified, false);
      assert.match(result.failures.join(), /not shown that it does so for the key's sake/);
    }
  });

  test("a control token from after the end of the sessions is no twin of canary tokens from before", async (t) => {
    const iat = Math.floor(Date.now() / 1000);
    const asked = await request(t);
    const later = await realm.mint("new", { iat: iat + 60 });
    const admin = await issuer(t, rejects, iat + 30);
    const { result } = await verifyRotation(admin, {
      ...asked,
      retired: { ...asked.retired, controls: [later] },
    });
    assert.equal(result.verified, false);
    assert.match(result.failures.join(), /there is no control token to show that it is for the key's sake/);
  });

  test("an issuer whose userinfo accepts the retired key fails, with the instances' results kept", async (t) => {
    const admin = await issuer(t, (response) => sendJson(response, 200, {}));
    const { result } = await verifyRotation(admin, await request(t));
    assert.equal(result.verified, false);
    assert.match(result.failures.join(), /userinfo endpoint does not reject retired kid old/);
    assert.equal(result.instances[0]?.verified, true);
  });

  test("an issuer whose userinfo breaks off does not cost the instances their results", async (t) => {
    const admin = await issuer(t, (response) => response.destroy());
    const { result } = await verifyRotation(admin, await request(t));
    assert.deepEqual([result.verified, result.instances.length], [false, 1]);
  });

  test("a JWKS URL that never shows the new set fails, and no instance waits for it", async (t) => {
    const waiting = Promise.withResolvers<string[]>();
    const api = await serve(t, async (response, { headers }) => {
      const token = (headers.authorization ?? "").replace("Bearer ", "");
      response.writeHead((await soundVerifier(token, newSet)) ? 200 : 401).end();
      waiting.resolve(["https://cdn.example/jwks lacks new"]);
    });
    const fleet = staticFleet({ name: "api-1", url: api.url });
    const asked = await request(t, { fleet, jwksProblems: () => waiting.promise });
    const { result } = await verifyRotation(await issuer(t), asked);
    assert.deepEqual([result.verified, result.instances[0]?.verified], [false, true]);
    assert.deepEqual(result.failures, ["https://cdn.example/jwks lacks new"]);
  });

  test("a signer that is not this rotation's fails", async (t) => {
    const { result } = await verifyRotation(await issuer(t), await request(t, { newKids: ["newer"] }));
    assert.match(
      result.failures.join(),
      /signs RS256 tokens with kid new, which is not one of this rotation's keys/,
    );
  });

  test("no instance is NO_INSTANCES and not a success", async (t) => {
    const { result } = await verifyRotation(await issuer(t), await request(t, { fleet: staticFleet() }));
    assert.equal(result.verified, false);
    assert.match(result.failures.join(), /^NO_INSTANCES/);
  });

  test("canaries whose tokens are lost leave every instance unproven", async (t) => {
    const asked = await request(t);
    const retired = { ...asked.retired, canaryTokens: {} };
    const { result } = await verifyRotation(await issuer(t), { ...asked, retired });
    assert.deepEqual([result.verified, result.instances[0]?.proof], [false, "unproven"]);
  });

  test("an issuer that can't be asked fails, and instances proven before are not called verified", async (t) => {
    const { admin } = await keycloakStandIn(t, {});
    const { result } = await verifyRotation(admin, await request(t), [instanceVerification()]);
    assert.deepEqual([result.verified, result.instances[0]?.verified], [false, false]);
    assert.deepEqual(result.instances[0]?.reasons, ["was not asked in this run"]);
  });
});

suite("verificationError", () => {
  test("it names the instances, why, and the report, and stays short for many", () => {
    const instances = Array.from({ length: 40 }, (_, index) =>
      instanceVerification({ instance: `api-${index}`, verified: false }),
    );
    const failures = instances.map(({ instance }) => `${instance} still accepts kid old`);
    const { code, message } = verificationError(
      verification({ verified: false, instances, failures }),
      "report.md",
    );
    assert.equal(code, "VERIFICATION_FAILED");
    assert.match(message, /40 of 40 instances: api-0, api-1, api-2, api-3, api-4 and 35 more/);
    assert.match(message, /and 20 more, see the report\n {2}Report: report\.md/);
  });
});
