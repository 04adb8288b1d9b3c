import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { RealmClient } from "#operations/keycloak/realm-clients";
import { deriveOverlap } from "#operations/keys/overlap";
import { keycloakStandIn } from "../keycloak-stand-in.ts";
import { sendJson } from "../loopback-server.ts";

const realm = {
  accessTokenLifespan: 300,
  accessTokenLifespanForImplicitFlow: 900,
  ssoSessionMaxLifespan: 36_000,
};

const lives = (clientId: string, lifespan: string | null): RealmClient => ({
  clientId,
  attributes: { "access.token.lifespan": lifespan },
});

interface Row {
  title: string;
  clients: RealmClient[];
  realm?: object;
  seconds: number;
  because: RegExp;
}

const rows: Row[] = [
  {
    title: "the realm's lifespan and the clock skew, where no client has one of its own",
    clients: [
      { clientId: "shop" },
      { clientId: "app", attributes: {} },
      { clientId: "old", attributes: null },
    ],
    seconds: 360,
    because: /^the realm's access-token lifespan$/,
  },
  {
    title: "the client's that has the longest, who is named",
    clients: [lives("app", "400"), lives("batch", "7200"), lives("web", "3600")],
    seconds: 7_260,
    because: /^the access-token lifespan of client batch$/,
  },
  {
    title: "a client's that is shorter than the realm's changes nothing",
    clients: [lives("web", "60")],
    seconds: 360,
    because: /^the realm's/,
  },
  {
    title: "-1 is the session's maximum",
    clients: [lives("batch", "-1")],
    seconds: 36_060,
    because: /client batch$/,
  },
  {
    title: "or that of sessions that are remembered, where it is longer",
    clients: [lives("batch", "-1")],
    realm: { ssoSessionMaxLifespanRememberMe: 2_592_000 },
    seconds: 2_592_060,
    because: /client batch$/,
  },
  {
    title: "remembered sessions without a maximum of their own have the others'",
    clients: [lives("batch", "-1")],
    realm: { ssoSessionMaxLifespanRememberMe: 0 },
    seconds: 36_060,
    because: /client batch$/,
  },
  {
    title: "the implicit flow's, where a client may use it",
    clients: [{ clientId: "browser", implicitFlowEnabled: true }],
    seconds: 960,
    because: /implicit flow \(client browser\)$/,
  },
  {
    title: "the implicit flow's is nothing where no client may use it",
    clients: [{ clientId: "browser", implicitFlowEnabled: false }],
    seconds: 360,
    because: /^the realm's/,
  },
  {
    title: "a Keycloak that does not tell the implicit flow's has none",
    clients: [{ clientId: "browser", implicitFlowEnabled: true }],
    realm: { accessTokenLifespanForImplicitFlow: undefined },
    seconds: 360,
    because: /^the realm's/,
  },
  {
    title: "attributes that are empty, null or no number are none",
    clients: [lives("a", ""), lives("b", null), lives("c", "long")],
    seconds: 360,
    because: /^the realm's/,
  },
  {
    title: "our own clients are left out, and only those",
    clients: [lives("jwks-break-glass-probe-rs256", "86400"), lives("our-jwks-break-glass-shop", "600")],
    seconds: 660,
    because: /client our-jwks-break-glass-shop$/,
  },
];

async function derive(t: TestContext, { clients, realm: change }: Row) {
  const routes = {
    "/admin/realms/shop": (response: Parameters<typeof sendJson>[0]) =>
      sendJson(response, 200, { ...realm, ...change }),
  };
  return deriveOverlap((await keycloakStandIn(t, routes)).admin, clients, 60);
}

suite("deriveOverlap takes", () => {
  for (const row of rows) {
    test(row.title, async (t) => {
      const { seconds, because } = await derive(t, row);
      assert.equal(seconds, row.seconds);
      assert.match(because, row.because);
    });
  }
});
