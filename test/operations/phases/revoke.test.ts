import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, suite, type TestContext, test } from "node:test";
import { pack, unpack } from "#operations/base/packed";
import { configureConnection } from "#operations/keycloak/connection";
import type { Revoke } from "#operations/keycloak/revoke-sessions";
import { type RevocationInputs, type RevocationOutputs, sessionsPhase } from "#operations/phases/revoke";
import { adminToken } from "../keycloak-stand-in.ts";
import { type Answer, sendJson, serve } from "../loopback-server.ts";
import { refreshSettings, runContext, staticFleet } from "../samples.ts";

const denyListPath = "/internal/auth/deny-list";
const sessions = [{ id: "s1" }, { id: "s2" }, { id: "s3" }];
const answers: Record<string, unknown> = {
  "/realms/master/protocol/openid-connect/token": { access_token: adminToken({}) },
  "/admin/realms/shop": { notBefore: 0 },
  "/admin/realms/shop/client-session-stats": [{ id: "c1", active: "3", offline: "0" }],
  "/admin/realms/shop/clients/c1/user-sessions": sessions,
  "/admin/realms/shop/users": [{ id: "u1", username: "mallory" }],
  "/admin/realms/shop/users/u1/sessions": sessions,
  "/admin/realms/shop/users/u1/consents": [],
};

/** What Keycloak and the instances were told, in this order. */
interface World {
  told: string[];
  request: (revoke: Revoke) => RevocationInputs;
}

suite("sessionsPhase", () => {
  let keycloak: (response: ServerResponse, request: IncomingMessage) => void = () => undefined;

  // A process has one connection: Keycloak is the same for all tests of this file, what it does is not.
  const server = createServer((request, response) => {
    request.resume().once("end", () => keycloak(response, request));
  });
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config: Record<string, string> = { url, clientId: "admin", clientSecret: "s", clientTimeout: "1" };
    configureConnection((key) => config[key]);
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  async function world(t: TestContext, refuses = "nothing", api?: Answer): Promise<World> {
    t.mock.method(console, "log", () => undefined);
    const told: string[] = [];
    keycloak = (response, { method, url = "" }) => {
      const path = url.split("?")[0] ?? "";
      if (method !== "GET" && !path.endsWith("/token")) told.push(`Keycloak ${path.split("/").at(-1)}`);
      if (path.endsWith(refuses)) response.writeHead(403).end();
      else if (method === "GET" || path.endsWith("/token")) sendJson(response, 200, answers[path] ?? []);
      else response.writeHead(204).end();
    };
    const servers = await Promise.all(
      ["api-1", "api-2"].map(async (name) => {
        const server = await serve(t, (response, request, count) => {
          told.push(`${name} ${request.url.split("/").at(-1)}`);
          if (api && name === "api-1") api(response, request, count);
          else response.writeHead(204).end();
        });
        return { name, url: server.url };
      }),
    );
    const run = runContext("unused");
    const refresh = { ...refreshSettings, timeoutMs: 200 };
    const fleet = { ...staticFleet(...servers), refresh };
    const details = pack({ run, fleet, denyListPath });
    const { realm, rotation, mode, stage } = run;
    const step = { realm, rotation, mode, stage };
    const request = (revoke: Revoke) => ({ ...step, details, revoke, denyForMs: 1, apiRefreshTokens: ["t"] });
    return { told, request };
  }

  const opened = ({ result, record }: RevocationOutputs) => ({
    result: result === null ? undefined : unpack(result),
    record,
  });

  const sidsOf = ({ told }: World, name: string) =>
    told.filter((line) => line.startsWith(name)).map((line) => line.replace(`${name} `, ""));

  test("all sessions end at Keycloak before any instance is told, with the ids that they had", async (t) => {
    const here = await world(t);
    const { result } = opened(await sessionsPhase(here.request("all")));
    assert.equal(here.told[0], "Keycloak logout-all");
    for (const name of ["api-1", "api-2"])
      assert.deepEqual(sidsOf(here, name).toSorted(), ["s1", "s2", "s3"]);
    assert.deepEqual(result?.failures, []);
    assert.deepEqual(
      result?.ended.map(({ sid, because }) => [sid, because]),
      sessions.map(({ id }) => [id, "all"]),
    );
    assert.deepEqual(
      result?.denied.map(({ instance, outcome }) => [instance, outcome]),
      [
        ["api-1", "done"],
        ["api-2", "done"],
      ],
    );
  });

  test("an instance that hangs holds up neither Keycloak nor the other instances", async (t) => {
    const here = await world(t, "nothing", () => undefined);
    const { result } = opened(await sessionsPhase(here.request("all")));
    assert.equal(here.told[0], "Keycloak logout-all");
    assert.deepEqual(sidsOf(here, "api-2").toSorted(), ["s1", "s2", "s3"]);
    assert.match(result?.failures.join() ?? "", /api-1 does not take the deny-list/);
  });

  test("where Keycloak refuses the logout, the instances are told regardless, and it is a failure", async (t) => {
    const here = await world(t, "/logout-all");
    const { result, record } = opened(await sessionsPhase(here.request("all")));
    assert.deepEqual(sidsOf(here, "api-1").toSorted(), ["s1", "s2", "s3"]);
    assert.match(result?.failures.join() ?? "", /KEYCLOAK_ROLE_MISSING/);
    assert.equal(record?.outcome, "failed");
  });

  test("a logout without an answer is no failure where the realm's notBefore shows its effect", async (t) => {
    const here = await world(t);
    const answered = keycloak;
    let wasAsked = false;
    keycloak = (response, request) => {
      if (request.url?.endsWith("/logout-all")) wasAsked = true;
      else if (wasAsked && request.url === "/admin/realms/shop")
        sendJson(response, 200, { notBefore: 1_800_000_000 });
      else answered(response, request);
    };
    const { result, record } = opened(await sessionsPhase(here.request("all")));
    assert.deepEqual([wasAsked, result?.failures, record?.outcome], [true, [], "done"]);
    assert.deepEqual(sidsOf(here, "api-1").toSorted(), ["s1", "s2", "s3"]);
  });

  test("ids that can't be read don't keep the sessions from ending, and are a failure", async (t) => {
    const here = await world(t, "/client-session-stats");
    const { result } = opened(await sessionsPhase(here.request("all")));
    assert.deepEqual(here.told, ["Keycloak logout-all"]);
    assert.match(result?.failures.join() ?? "", /could not be read for the deny-list/);
    assert.equal(result?.truncated, true);
  });

  test("some sessions end at Keycloak although an instance hangs", async (t) => {
    const here = await world(t, "nothing", () => undefined);
    const some = { sids: [], users: ["mallory"], realmRoles: [] };
    const { result } = opened(await sessionsPhase(here.request(some)));
    assert.ok(here.told.includes("Keycloak logout"));
    assert.deepEqual(sidsOf(here, "api-2").toSorted(), ["s1", "s2", "s3"]);
    assert.match(result?.failures.join() ?? "", /api-1 does not take the deny-list/);
    assert.equal(result?.ended.length, 3);
  });
});
