import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { MintedToken } from "#operations/canaries/canary";
import { mintToken } from "#operations/canaries/tokens";
import { keycloakStandIn, type Routes } from "../keycloak-stand-in.ts";
import { sendJson } from "../loopback-server.ts";
import { signingRealm } from "../signing-realm.ts";

const tokens = "/realms/shop/protocol/openid-connect/token";
const client = { algorithm: "ES256", clientId: "probe", clientSecret: "probe-secret-0123456789" };
const realm = await signingRealm({ ec: "ES256", rsa: "RS256" });

async function mint(t: TestContext, route: Routes[string]): Promise<MintedToken> {
  const { admin, server } = await keycloakStandIn(t, { [tokens]: route });
  return mintToken(admin, `${server.url}${tokens}`, client);
}

suite("mintToken", () => {
  test("it describes the token: kid, algorithm, jti and expiry", async (t) => {
    const minted = await realm.mint("ec");
    assert.deepEqual(
      await mint(t, (response) => sendJson(response, 200, { access_token: minted.token })),
      minted,
    );
  });

  test("it asks by client credentials for the scope openid, which userinfo wants", async (t) => {
    const { token } = await realm.mint("ec");
    let form = new URLSearchParams();
    await mint(t, (response, { body }) => {
      form = new URLSearchParams(body);
      sendJson(response, 200, { access_token: token });
    });
    assert.deepEqual(Object.fromEntries(form), {
      grant_type: "client_credentials",
      client_id: client.clientId,
      client_secret: client.clientSecret,
      scope: "openid",
    });
  });

  test("a refusal is TOKEN_NOT_MINTED and does not show the secret", async (t) => {
    const minting = mint(t, (response, { body }) => response.writeHead(401).end(body));
    await assert.rejects(minting, { code: "TOKEN_NOT_MINTED", message: /^(?!.*probe-secret).*HTTP 401/ });
  });

  test("a refusal shows the reason that Keycloak gives, without a token that it may quote", async (t) => {
    const { token } = await realm.mint("ec");
    const error = { error: "unauthorized_client", error_description: `not enabled, says ${token}` };
    await assert.rejects(
      mint(t, (response) => sendJson(response, 401, error)),
      { message: /HTTP 401 \(unauthorized_client: not enabled, says \[secret\]\)/ },
    );
  });

  test("a token of another algorithm is TOKEN_NOT_MINTED", async (t) => {
    const { token } = await realm.mint("rsa");
    const minting = mint(t, (response) => sendJson(response, 200, { access_token: token }));
    await assert.rejects(minting, { code: "TOKEN_NOT_MINTED", message: /signed with RS256/ });
  });

  for (const [title, body] of [
    ["a page", "<html>"],
    ["JSON without a token", "{}"],
    ["an opaque token", '{"access_token":"opaque"}'],
  ] as const) {
    test(`${title} with status 200 is TOKEN_NOT_MINTED`, async (t) => {
      await assert.rejects(
        mint(t, (response) => response.end(body)),
        { code: "TOKEN_NOT_MINTED" },
      );
    });
  }
});
