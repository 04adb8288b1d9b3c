import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { suite, type TestContext, test } from "node:test";
import { type AnnounceResult, announce } from "#operations/enforce/announce";
import { keycloakStandIn } from "../keycloak-stand-in.ts";
import { type Answer, sendJson, serve } from "../loopback-server.ts";
import { refreshSettings, staticFleet } from "../samples.ts";

const components = ["old", "new", "dead"].map((kid) => ({
  id: `component-${kid}`,
  name: `name-${kid}`,
  providerId: "rsa-generated",
  config: {},
}));

/** A key that is disabled must not be waited for. */
function metadata() {
  const key = (kid: string, status: string) => ({
    kid,
    status,
    algorithm: "RS256",
    providerId: `component-${kid}`,
    providerPriority: 100,
    type: "RSA",
    use: "SIG",
  });
  return {
    active: { RS256: "old" },
    keys: [key("old", "ACTIVE"), key("new", "PASSIVE"), key("dead", "DISABLED")],
  };
}

interface Setting {
  /** By instance, what it answers to a refresh. */
  instances: Record<string, Answer>;
  /** What the JWKS shows. Default: the trusted keys. */
  published?: string[];
  /** Milliseconds until it must. Default: 10000. */
  jwksTimeoutMs?: number;
}

/** A realm whose new key is published, and instances; `written` are the requests that change something in Keycloak. */
async function setUp(
  t: TestContext,
  { instances, published = ["old", "new"], jwksTimeoutMs = 10_000 }: Setting,
) {
  const json = (body: unknown) => (response: ServerResponse) => sendJson(response, 200, body);
  const jwks = { keys: published.map((kid) => ({ kid, kty: "RSA", use: "sig" })) };
  const realmUrl = "/realms/shop";
  const { admin, server } = await keycloakStandIn(t, {
    "/admin/realms/shop": json({ id: "realm-id" }),
    "/admin/realms/shop/components": json(components),
    "/admin/realms/shop/keys": json(metadata()),
    [`${realmUrl}/certs`]: json(jwks),
    [`${realmUrl}/.well-known/openid-configuration`]: (response, { headers }) => {
      const base = `http://${headers.host}${realmUrl}`;
      const [token_endpoint, userinfo_endpoint] = [`${base}/token`, `${base}/userinfo`];
      sendJson(response, 200, { issuer: base, jwks_uri: `${base}/certs`, token_endpoint, userinfo_endpoint });
    },
  });
  const apis = await Promise.all(
    Object.entries(instances).map(async ([name, answer]) => ({ name, ...(await serve(t, answer)) })),
  );
  const run = (): Promise<AnnounceResult> =>
    announce(
      admin,
      {
        fleet: staticFleet(...apis.map(({ name, url }) => ({ name, url }))),
        jwksUris: [],
        jwksTimeoutMs,
        newKids: ["new"],
      },
      () => undefined,
    );
  const isWrite = ({ method, url }: { method: string; url: string }) =>
    method !== "GET" && !url.endsWith("/token");
  return { run, apis, written: () => server.received.filter(isWrite) };
}

const knows: Answer = (response) => sendJson(response, 200, { kids: ["old", "new"] });
const saysNothing: Answer = (response) => sendJson(response, 200, {});
const broken: Answer = (response) => response.writeHead(500).end();

suite("announce", () => {
  test("an instance whose answer names the new key is known to know it, and one whose answer names none is unproven", async (t) => {
    const { run, written } = await setUp(t, { instances: { "api-1": knows, "api-2": saysNothing } });
    const { known, unproven, restarts } = await run();
    assert.deepEqual([known, unproven, restarts], [["api-1"], ["api-2"], []]);
    assert.deepEqual(written(), []);
  });

  test("every instance is told once, with the refresh token", async (t) => {
    const { run, apis } = await setUp(t, { instances: { "api-1": knows, "api-2": knows } });
    await run();
    for (const { received } of apis) {
      assert.deepEqual(
        received.map(({ method, url, headers }) => [method, url, headers.authorization]),
        [["POST", refreshSettings.path, "Bearer refresh-token-of-the-tests"]],
      );
    }
  });

  test("an instance that can't be told is named, the others are not, and nothing is changed", async (t) => {
    const { run, written } = await setUp(t, { instances: { "api-1": knows, "api-2": broken } });
    await assert.rejects(run(), (error: Error & { code?: string }) => {
      assert.equal(error.code, "ANNOUNCE_FAILED");
      assert.match(error.message, /api-2/);
      assert.doesNotMatch(error.message, /api-1|refresh-token-of-the-tests/);
      return true;
    });
    assert.deepEqual(written(), []);
  });

  test("an instance that says that it has the old set only is one that can't be told", async (t) => {
    const stale: Answer = (response) => sendJson(response, 200, { kids: ["old"] });
    const { run } = await setUp(t, { instances: { "api-1": stale } });
    await assert.rejects(run(), { code: "ANNOUNCE_FAILED", message: /api-1/ });
  });

  test("no instance is told to fetch a set that does not show the new key yet", async (t) => {
    const { run, apis } = await setUp(t, {
      instances: { "api-1": knows },
      published: ["old"],
      jwksTimeoutMs: 300,
    });
    await assert.rejects(run(), { code: "JWKS_NOT_CURRENT", message: /lacks new/ });
    assert.deepEqual(apis[0]?.received, []);
  });

  test("no instance at all is a failure", async (t) => {
    const { run } = await setUp(t, { instances: {} });
    await assert.rejects(run(), { code: "ANNOUNCE_FAILED", message: /no instance was found/ });
  });
});
