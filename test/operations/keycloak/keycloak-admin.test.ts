import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { z } from "zod";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { adminToken, keycloakStandIn } from "../keycloak-stand-in.ts";
import { refusingUrl, sendJson, serve } from "../loopback-server.ts";
import { connectionTo } from "../samples.ts";

const anything = z.looseObject({});
const tokenPath = "/realms/master/protocol/openid-connect/token";
const realmPath = "/admin/realms/shop";

suite("KeycloakAdmin", () => {
  test("it logs in once, by client credentials, and sends the token to the Admin REST API", async (t) => {
    const { admin, server } = await keycloakStandIn(t, {
      [realmPath]: (response) => sendJson(response, 200, {}),
    });
    await admin.get("", anything);
    await admin.get("", anything);
    const [login, first, second] = server.received;
    assert.deepEqual([server.received.length, login?.url], [3, tokenPath]);
    assert.match(login?.body ?? "", /grant_type=client_credentials/);
    assert.equal(first?.headers.authorization, second?.headers.authorization);
    assert.match(first?.headers.authorization ?? "", /^Bearer /);
  });

  test("with a username and password it logs in by these", async (t) => {
    const server = await serve(t, (response) => sendJson(response, 200, { access_token: adminToken({}) }));
    const { clientSecret, ...rest } = connectionTo(server.url);
    const user = { username: "root", password: "p&ss word" };
    await new KeycloakAdmin({ ...rest, ...user }, "shop").get("", anything);
    const form = new URLSearchParams(server.received[0]?.body);
    assert.deepEqual(
      [form.get("grant_type"), form.get("username"), form.get("password"), form.get("client_secret")],
      ["password", "root", "p&ss word", null],
    );
    assert.ok(clientSecret);
  });

  test("a realm name is encoded in every path", async (t) => {
    const server = await serve(t, (response) => sendJson(response, 200, { access_token: adminToken({}) }));
    const admin = new KeycloakAdmin(connectionTo(server.url), "a/../b c");
    await admin.get("", anything);
    assert.equal(server.received[1]?.url, "/admin/realms/a%2F..%2Fb%20c");
    assert.equal(admin.realmUrl, `${server.url}/realms/a%2F..%2Fb%20c`);
  });

  test("an expired admin token is replaced by another login, once", async (t) => {
    const { admin, server } = await keycloakStandIn(t, {
      [realmPath]: (response, _request, count) =>
        count === 1 ? response.writeHead(401).end() : sendJson(response, 200, { id: "1" }),
    });
    assert.deepEqual(await admin.get("", anything), { id: "1" });
    assert.equal(server.received.filter(({ url }) => url === tokenPath).length, 2);
  });

  for (const status of [400, 401, 403]) {
    test(`a login that gets HTTP ${status} is KEYCLOAK_LOGIN_REFUSED and does not show the secret`, async (t) => {
      const { admin } = await keycloakStandIn(t, {
        [tokenPath]: (response, { body }) => response.writeHead(status).end(body),
      });
      await assert.rejects(admin.get("", anything), (error: Error & { code?: string }) => {
        assert.equal(error.code, "KEYCLOAK_LOGIN_REFUSED");
        assert.match(error.message, /Next: check keycloak:clientId/);
        assert.ok(!error.message.includes("admin-secret"));
        return true;
      });
    });
  }

  for (const status of [404, 500, 503]) {
    test(`a login that gets HTTP ${status} is KEYCLOAK_UNREACHABLE`, async (t) => {
      const { admin } = await keycloakStandIn(t, {
        [tokenPath]: (response) => response.writeHead(status).end(),
      });
      await assert.rejects(admin.get("", anything), { code: "KEYCLOAK_UNREACHABLE" });
    });
  }

  test("a Keycloak that is down is KEYCLOAK_UNREACHABLE and named by its origin", async () => {
    const url = await refusingUrl();
    await assert.rejects(new KeycloakAdmin(connectionTo(url), "shop").get("", anything), (error: Error) => {
      assert.ok(error.message.startsWith(`KEYCLOAK_UNREACHABLE: ${url}: connection refused`));
      return true;
    });
  });

  test("a Keycloak that hangs is KEYCLOAK_UNREACHABLE after the time limit", async (t) => {
    const server = await serve(t, () => undefined);
    const admin = new KeycloakAdmin({ ...connectionTo(server.url), timeoutMs: 50 }, "shop");
    await assert.rejects(admin.get("", anything), { code: "KEYCLOAK_UNREACHABLE", message: /within 50 ms/ });
  });

  for (const [path, role] of [
    ["", "view-realm"],
    ["/keys", "view-realm"],
    ["/components?type=x", "view-realm"],
    ["/clients?max=1", "view-clients"],
  ] as const) {
    test(`a 403 to GET ${path || "the realm"} is KEYCLOAK_ROLE_MISSING and names ${role}`, async (t) => {
      const { admin } = await keycloakStandIn(t, {
        [`${realmPath}${path.split("?")[0]}`]: (response) => response.writeHead(403).end(),
      });
      const message = new RegExp(`Next: give its service account the role ${role} `);
      await assert.rejects(admin.get(path, anything), { code: "KEYCLOAK_ROLE_MISSING", message });
    });
  }

  test("a 403 to a change is KEYCLOAK_ROLE_MISSING and names manage-realm", async (t) => {
    const { admin } = await keycloakStandIn(t, {
      [`${realmPath}/components`]: (response) => response.writeHead(403).end(),
    });
    await assert.rejects(admin.post("/components", {}), {
      code: "KEYCLOAK_ROLE_MISSING",
      message: /manage-realm/,
    });
    await assert.rejects(admin.put("/components", {}), {
      code: "KEYCLOAK_ROLE_MISSING",
      message: /manage-realm/,
    });
  });

  test("a 404 for the realm itself is REALM_NOT_FOUND and tells the name from the id", async (t) => {
    const { admin } = await keycloakStandIn(t, {});
    await assert.rejects(admin.get("", anything), { code: "REALM_NOT_FOUND", message: /not its id/ });
  });

  test("a 404 below the realm is KEYCLOAK_UNEXPECTED_ANSWER", async (t) => {
    const { admin } = await keycloakStandIn(t, {});
    await assert.rejects(admin.get("/keys", anything), { code: "KEYCLOAK_UNEXPECTED_ANSWER" });
  });

  test("a redirect is KEYCLOAK_UNEXPECTED_ANSWER, and its target sees no admin token", async (t) => {
    const target = await serve(t, (response) => response.end("{}"));
    const { admin } = await keycloakStandIn(t, {
      [realmPath]: (response) => response.writeHead(302, { location: target.url }).end(),
    });
    await assert.rejects(admin.get("", anything), { code: "KEYCLOAK_UNEXPECTED_ANSWER" });
    assert.equal(target.received.length, 0);
  });

  for (const [title, body] of [
    ["a proxy's page", "<html>welcome</html>"],
    ["JSON of another shape", '{"id":1}'],
  ] as const) {
    test(`${title} with status 200 is KEYCLOAK_UNEXPECTED_ANSWER and is not quoted`, async (t) => {
      const { admin } = await keycloakStandIn(t, { [realmPath]: (response) => response.end(body) });
      await assert.rejects(admin.get("", z.object({ id: z.string() })), {
        code: "KEYCLOAK_UNEXPECTED_ANSWER",
        message: /^(?!.*welcome)/,
      });
    });
  }

  for (const [title, claims, missing] of [
    ["a token without the role", { "shop-realm": { roles: ["view-realm"] } }, true],
    ["a token with the role", { "shop-realm": { roles: ["manage-realm"] } }, false],
    [
      "a token of a realm-admin of the realm itself",
      { "realm-management": { roles: ["realm-admin"] } },
      false,
    ],
    ["a lightweight token", undefined, false],
  ] as const) {
    test(`missingRole: ${title} ${missing ? "is" : "is not"} an error`, async (t) => {
      const { admin } = await keycloakStandIn(t, {
        [tokenPath]: (response) => {
          sendJson(response, 200, { access_token: adminToken(claims ? { resource_access: claims } : {}) });
        },
      });
      assert.equal(
        (await admin.missingRole("manage-realm"))?.code,
        missing ? "KEYCLOAK_ROLE_MISSING" : undefined,
      );
    });
  }
});
