import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { suite, test } from "node:test";
import { z } from "zod";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { adminToken, instantClock, keycloakStandIn } from "../keycloak-stand-in.ts";
import { type Received, refusingUrl, sendJson, serve } from "../loopback-server.ts";
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
    await assert.rejects(admin.get("/clients/none", anything), { code: "KEYCLOAK_UNEXPECTED_ANSWER" });
  });

  test("a 404 of what every realm has is REALM_NOT_FOUND", async (t) => {
    const { admin } = await keycloakStandIn(t, {});
    for (const path of ["", "/keys", "/components?type=keys"])
      await assert.rejects(admin.get(path, anything), { code: "REALM_NOT_FOUND" });
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

const down = { status: 502 };
type Fault = { status: number } | "reset" | "hang";

/** Fails so many times, and then answers. */
function failing(times: number, fault: Fault, status = 200) {
  return (response: ServerResponse, _request: Received, count: number): void => {
    if (count > times) sendJson(response, status, { id: "1" });
    else if (fault === "reset") response.destroy();
    else if (fault !== "hang") response.writeHead(fault.status).end();
  };
}

suite("KeycloakAdmin, while Keycloak or its proxy fails for a moment", () => {
  for (const [title, fault] of [
    ["HTTP 500", { status: 500 }],
    ["HTTP 502", down],
    ["HTTP 503", { status: 503 }],
    ["a reset", "reset"],
    ["no answer in time", "hang"],
  ] as const) {
    test(`${title} does not fail a read, a PUT, a DELETE or a login`, async (t) => {
      const path = `${realmPath}/components/1`;
      const { admin, server } = await keycloakStandIn(
        t,
        {
          [tokenPath]: (response, request, count) =>
            count === 1
              ? failing(1, fault)(response, request, count)
              : sendJson(response, 200, { access_token: adminToken({}) }),
          [realmPath]: failing(1, fault),
          [path]: (response, request, count) => failing(count % 2, fault)(response, request, 1),
        },
        { timeoutMs: 100 },
      );
      assert.deepEqual(await admin.get("", anything), { id: "1" });
      await admin.put("/components/1", { name: "n" });
      await admin.delete("/components/1");
      const calls = server.received.map(({ method, url }) => `${method} ${url.split("/").at(-1)}`);
      const twice = (call: string) => [call, call];
      assert.deepEqual(
        calls,
        ["POST token", "GET shop", "PUT 1", "DELETE 1"].flatMap(twice),
        "each was sent twice",
      );
      const bodies = server.received.filter(({ method }) => method === "PUT").map(({ body }) => body);
      assert.deepEqual(bodies, twice('{"name":"n"}'));
    });
  }

  test("a refused connection is tried again, and a Keycloak that stays away is named with the attempts", async () => {
    const url = await refusingUrl();
    const clock = instantClock();
    const admin = new KeycloakAdmin(connectionTo(url), "shop", { clock });
    await assert.rejects(admin.get("", anything), {
      code: "KEYCLOAK_UNREACHABLE",
      message: /connection refused \(4 attempts\)/,
    });
    assert.equal(clock.delays.length, 3);
  });

  test("a 5xx that stays is KEYCLOAK_UNEXPECTED_ANSWER after a few attempts with growing pauses", async (t) => {
    const clock = instantClock();
    const { admin, server } = await keycloakStandIn(t, { [realmPath]: failing(99, down) }, { clock });
    await assert.rejects(admin.get("", anything), {
      code: "KEYCLOAK_UNEXPECTED_ANSWER",
      message: /HTTP 502 .*4 attempts/,
    });
    assert.equal(server.received.filter(({ url }) => url === realmPath).length, 4);
    const [first = 0, second = 0, third = 0] = clock.delays;
    assert.ok(first < second && second < third && first + second + third < 2_000, clock.delays.join());
  });

  test("no further attempt begins once the time for all of them is over", async (t) => {
    const clock = instantClock();
    const slow = (response: ServerResponse): void => {
      clock.pass(3_000);
      response.writeHead(502).end();
    };
    const { admin, server } = await keycloakStandIn(t, { [realmPath]: slow }, { clock, timeoutMs: 2_000 });
    await assert.rejects(admin.get("", anything), { code: "KEYCLOAK_UNEXPECTED_ANSWER" });
    assert.equal(server.received.filter(({ url }) => url === realmPath).length, 2);
  });

  test("a call may have a time limit of its own", async (t) => {
    const { admin } = await keycloakStandIn(t, { [realmPath]: () => undefined });
    await assert.rejects(admin.get("", anything, { timeoutMs: 30 }), { message: /no answer within 30 ms/ });
    await assert.rejects(admin.put("", {}, { timeoutMs: 30 }), { message: /no answer within 30 ms/ });
    await assert.rejects(admin.delete("", { timeoutMs: 30 }), { message: /no answer within 30 ms/ });
  });

  for (const status of [400, 403, 404, 409]) {
    test(`HTTP ${status} is an answer and is not asked for again`, async (t) => {
      const { admin, server } = await keycloakStandIn(t, { [`${realmPath}/keys`]: failing(9, { status }) });
      await assert.rejects(admin.get("/keys", anything));
      assert.equal(server.received.filter(({ url }) => url === `${realmPath}/keys`).length, 1);
    });
  }

  test("a DELETE that took effect although its answer was lost was there", async (t) => {
    const path = `${realmPath}/users/1`;
    const route = (response: ServerResponse, _request: Received, count: number): void => {
      if (count === 1) response.destroy();
      else response.writeHead(404).end();
    };
    const { admin } = await keycloakStandIn(t, { [path]: route, [`${realmPath}/users/2`]: route });
    assert.equal(await admin.deleteIfThere("/users/1"), true);
    await admin.delete("/users/2");
    assert.equal(await admin.deleteIfThere("/users/1"), false);
  });

  test("a POST is not repeated, unless it is said to be safe or never reached Keycloak", async (t) => {
    const path = `${realmPath}/logout-all`;
    const { admin, server } = await keycloakStandIn(t, { [path]: failing(1, "reset", 204) });
    await assert.rejects(admin.post("/logout-all", {}), { code: "KEYCLOAK_UNREACHABLE" });
    const posts = () => server.received.filter(({ url }) => url === path).length;
    assert.equal(posts(), 1);
    const second = await keycloakStandIn(t, { [path]: failing(1, "reset", 204) });
    await second.admin.post("/logout-all", {}, { repeatable: true });
    assert.equal(second.server.received.filter(({ url }) => url === path).length, 2);
  });

  for (const fault of [down, "reset", "hang"] as const) {
    for (const tookEffect of [true, false]) {
      const title = typeof fault === "string" ? fault : `HTTP ${fault.status}`;
      test(`what is to be made is looked for after a ${title}, and made once: ${tookEffect ? "it was there" : "it was not there"}`, async (t) => {
        const made: string[] = [];
        const route = (response: ServerResponse, request: Received, count: number): void => {
          if (tookEffect || count > 1) made.push(request.body);
          failing(1, fault, 201)(response, request, count);
        };
        const path = `${realmPath}/components`;
        const { admin } = await keycloakStandIn(t, { [path]: route }, { timeoutMs: 100 });
        await admin.postOnce("/components", { name: "n" }, { isDone: async () => made.length > 0 });
        assert.deepEqual(made, ['{"name":"n"}']);
      });
    }
  }

  test("a conflict on the repeated request is the first one's doing; one on the first request is an error", async (t) => {
    const path = `${realmPath}/components`;
    const looks = [false, true];
    const isDone = async () => looks.shift() ?? false;
    const { admin } = await keycloakStandIn(t, {
      [path]: (response, request, count) =>
        count === 1 ? response.destroy() : failing(9, { status: 409 })(response, request, count),
    });
    await admin.postOnce("/components", {}, { isDone });
    await assert.rejects(admin.postOnce("/components", {}, { isDone: async () => true }), {
      code: "KEYCLOAK_UNEXPECTED_ANSWER",
      message: /HTTP 409/,
    });
  });

  test("a token request is repeated, and so is a public read unless a single attempt is asked for", async (t) => {
    const { admin, server } = await keycloakStandIn(t, {
      "/mint": failing(1, down),
      "/certs": failing(1, "reset"),
      "/once": failing(1, down),
    });
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    assert.equal((await admin.fetchPublic(`${server.url}/mint`, { form })).status, 200);
    assert.equal((await admin.fetchPublic(`${server.url}/certs`, { ownConnection: true })).status, 200);
    assert.equal((await admin.fetchPublic(`${server.url}/once`, { attempts: 1 })).status, 502);
  });

  test("calls side by side share one login", async (t) => {
    const { admin, server } = await keycloakStandIn(t, { [realmPath]: failing(0, down) });
    await Promise.all([1, 2, 3].map(() => admin.get("", anything)));
    assert.equal(server.received.filter(({ url }) => url === tokenPath).length, 1);
  });
});

suite("what Keycloak says of a refusal", () => {
  for (const [title, body, said] of [
    ["an errorMessage", { errorMessage: "User exists with same email" }, "User exists with same email"],
    [
      "an error with a description",
      { error: "invalidPasswordMinDigitsMessage", error_description: "Invalid password: 3 digits" },
      "invalidPasswordMinDigitsMessage: Invalid password: 3 digits",
    ],
    [
      "a field and its limits",
      { field: "username", errorMessage: "error-invalid-length", params: ["username", 3, 255] },
      "error-invalid-length: username, 3, 255",
    ],
    [
      "several fields",
      {
        errors: [
          { field: "a", errorMessage: "one" },
          { field: "b", errorMessage: "two" },
        ],
      },
      "a one; b two",
    ],
  ] as const) {
    test(`${title} is shown`, async (t) => {
      const { admin } = await keycloakStandIn(t, {
        [`${realmPath}/users`]: (response) => sendJson(response, 400, body),
      });
      await assert.rejects(admin.post("/users", {}), (error: Error) => {
        assert.ok(error.message.includes(`HTTP 400 to POST /users in realm shop (${said})`), error.message);
        return true;
      });
    });
  }

  test("a page is not shown, nor what is too long or can't be printed", async (t) => {
    const { admin } = await keycloakStandIn(t, {
      [`${realmPath}/users`]: (response) => response.writeHead(400).end("<html>secret</html>"),
      [`${realmPath}/roles`]: (response) =>
        sendJson(response, 400, { errorMessage: `\u001b[31m${"x".repeat(5_000)}` }),
    });
    await assert.rejects(admin.post("/users", {}), { message: /^(?!.*secret)/ });
    await assert.rejects(admin.post("/roles", {}), (error: Error) => {
      assert.ok(error.message.length < 600 && !error.message.includes("\u001b"));
      return true;
    });
  });
});

suite("KeycloakAdmin in a hurry", () => {
  /** Waits long, but for the first attempt of each request. */
  const hurried = (admin: KeycloakAdmin, firstTimeoutMs: number) =>
    new KeycloakAdmin({ ...admin.connection, timeoutMs: 600_000 }, "shop", { firstTimeoutMs });

  test("a read, a write, a login and a public URL that hang once are sent again at once", async (t) => {
    const hangsOnce = (response: ServerResponse, _request: Received, count: number) => {
      if (count > 1) sendJson(response, 200, { access_token: adminToken({}) });
    };
    const { admin, server } = await keycloakStandIn(t, {
      [tokenPath]: hangsOnce,
      [realmPath]: hangsOnce,
      [`${realmPath}/components/1`]: hangsOnce,
      "/certs": hangsOnce,
    });
    const inHurry = hurried(admin, 100);
    await inHurry.get("", anything);
    await inHurry.put("/components/1", {});
    await inHurry.fetchPublic(`${server.url}/certs`);
    assert.equal(server.received.length, 8);
  });

  test("what Keycloak has to compute gets its time all the same", async (t) => {
    const { admin, server } = await keycloakStandIn(t, {
      [`${realmPath}/components`]: (response) => setTimeout(() => response.writeHead(201).end(), 50),
    });
    const inHurry = hurried(admin, 10);
    await inHurry.postOnce("/components", {}, { isDone: async () => true, slow: true });
    assert.equal(server.received.filter(({ url }) => url.endsWith("/components")).length, 1);
  });

  test("nothing is sent after a deadline, and what was sent does not outlive it", async (t) => {
    const { admin, server } = await keycloakStandIn(t, { "/token": () => undefined });
    const inHurry = hurried(admin, 600_000);
    const ask = (deadlineAt: number) => inHurry.fetchPublic(`${server.url}/token`, { deadlineAt });
    await assert.rejects(ask(Date.now() + 50), { code: "KEYCLOAK_UNREACHABLE", message: /no answer within/ });
    await assert.rejects(ask(Date.now()), { code: "KEYCLOAK_UNREACHABLE", message: /no time left/ });
    assert.equal(server.received.length, 1);
  });
});
