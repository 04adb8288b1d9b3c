import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { collectSessions, endAllSessions } from "#operations/keycloak/revoke-sessions";
import { ellipticRealm } from "../elliptic-realm.ts";
import { instantClock, keycloakStandIn, type Routes } from "../keycloak-stand-in.ts";
import { sendJson } from "../loopback-server.ts";
import { realRealms } from "../real-realm.ts";
import { logins } from "../real-sessions.ts";

const quiet = () => undefined;
const realm = "/admin/realms/shop";
const everyone = { id: "client-1", clientId: "web", active: "2", offline: "0" };

/** A realm with two sessions, in which a logout of all takes effect after so many looks at the realm. */
function realmWith(answerLogout: Routes[string], looksUntilEffect: number): Routes {
  let asked = false;
  let looks = 0;
  return {
    [realm]: (response) => {
      if (asked) looks += 1;
      sendJson(response, 200, { notBefore: asked && looks >= looksUntilEffect ? 1_800_000_000 : 0 });
    },
    [`${realm}/client-session-stats`]: (response) => sendJson(response, 200, [everyone]),
    [`${realm}/logout-all`]: (response, request, count) => {
      asked = true;
      answerLogout(response, request, count);
    },
  };
}

suite("endAllSessions", () => {
  test("a logout that takes longer than the time limit is done once the realm shows its effect", async (t) => {
    const clock = instantClock();
    const routes = realmWith(() => undefined, 10);
    const { admin, server } = await keycloakStandIn(t, routes, { clock, timeoutMs: 50 });
    const startedAt = clock.now();
    const lines: string[] = [];
    await endAllSessions(admin, (line) => lines.push(line), clock);
    assert.equal(server.received.filter(({ url }) => url.endsWith("/logout-all")).length, 1);
    assert.deepEqual(lines.at(-1), "every session of the realm is over");
    assert.ok(clock.now() - startedAt < 60_000);
  });

  test("sessions that are gone are an effect, too", async (t) => {
    const clock = instantClock();
    const routes = realmWith(() => undefined, 1_000);
    const stats: Routes[string] = (response, _request, count) =>
      sendJson(response, 200, count < 4 ? [everyone] : []);
    const all = { ...routes, [`${realm}/client-session-stats`]: stats };
    const { admin } = await keycloakStandIn(t, all, { clock, timeoutMs: 50 });
    await endAllSessions(admin, quiet, clock);
  });

  test("a logout that a proxy has refused for a moment is sent again", async (t) => {
    const clock = instantClock();
    const routes = realmWith((response, _request, count) => {
      response.writeHead(count === 1 ? 502 : 200).end("{}");
    }, 1_000);
    const { admin, server } = await keycloakStandIn(t, routes, { clock });
    await endAllSessions(admin, quiet, clock);
    assert.equal(server.received.filter(({ url }) => url.endsWith("/logout-all")).length, 2);
  });

  test("a logout without an effect within a minute fails, and is not called done", async (t) => {
    const clock = instantClock();
    const routes = realmWith(() => undefined, 1_000);
    const { admin } = await keycloakStandIn(t, routes, { clock, timeoutMs: 50 });
    const startedAt = clock.now();
    await assert.rejects(endAllSessions(admin, quiet, clock), { code: "KEYCLOAK_UNREACHABLE" });
    assert.ok(clock.now() - startedAt >= 60_000);
  });

  test("a realm that can't be read first does not keep the logout from being sent", async (t) => {
    const { admin, server } = await keycloakStandIn(t, {
      [realm]: (response) => response.writeHead(403).end(),
      [`${realm}/client-session-stats`]: (response) => response.writeHead(403).end(),
      [`${realm}/logout-all`]: (response) => response.writeHead(204).end(),
    });
    await endAllSessions(admin, quiet, instantClock());
    assert.ok(server.received.some(({ url }) => url.endsWith("/logout-all")));
  });

  test("a missing role is told at once", async (t) => {
    const { admin } = await keycloakStandIn(
      t,
      realmWith((response) => response.writeHead(403).end(), 1_000),
    );
    await assert.rejects(endAllSessions(admin, quiet, instantClock()), {
      code: "KEYCLOAK_ROLE_MISSING",
      message: /manage-users/,
    });
  });
});

suite("collectSessions", () => {
  const session = (id: string) => ({ id, username: "mallory" });
  const statsOf = (...ids: string[]) => ids.map((id) => ({ ...everyone, id }));

  test("a list that does not come to its end is left when the time is up, with what was read until then", async (t) => {
    const clock = instantClock();
    const { admin } = await keycloakStandIn(
      t,
      {
        [`${realm}/client-session-stats`]: (response) => sendJson(response, 200, statsOf("c1", "c2")),
        [`${realm}/clients/c1/user-sessions`]: (response) => sendJson(response, 200, [session("s1")]),
        [`${realm}/clients/c2/user-sessions`]: () => timeUp.resolve(),
      },
      { timeoutMs: 60_000 },
    );
    const timeUp = Promise.withResolvers<void>();
    const asked: number[] = [];
    const delay = (ms: number) => {
      asked.push(ms);
      return timeUp.promise;
    };
    const found = await collectSessions(admin, { clock: { ...clock, delay } });
    assert.deepEqual(
      found.sessions.map(({ sid, because }) => [sid, because]),
      [["s1", "all"]],
    );
    assert.deepEqual([found.truncated, found.failures, asked], [true, [], [2_000]]);
  });

  test("a list that is refused is a failure and does not throw", async (t) => {
    const { admin } = await keycloakStandIn(t, {
      [`${realm}/client-session-stats`]: (response) => response.writeHead(403).end(),
    });
    const { sessions, truncated, failures } = await collectSessions(admin);
    assert.deepEqual([sessions, truncated], [[], true]);
    assert.match(failures.join(), /sessions could not be read for the deny-list.*KEYCLOAK_ROLE_MISSING/);
  });

  test("no more ids are given than asked for", async (t) => {
    const { admin } = await keycloakStandIn(t, {
      [`${realm}/client-session-stats`]: (response) => sendJson(response, 200, statsOf("c1")),
      [`${realm}/clients/c1/user-sessions`]: (response) =>
        sendJson(response, 200, ["s1", "s2", "s3"].map(session)),
    });
    const { sessions, truncated } = await collectSessions(admin, { limit: 2 });
    assert.deepEqual([sessions.length, truncated], [2, true]);
  });
});

suite("all sessions of a real realm", () => {
  const makeRealm = realRealms();

  test("are collected with their ids, offline ones too, and over afterwards", async (t) => {
    const real = await makeRealm(t, ellipticRealm);
    const { login, isAlive } = await logins(real, ["mallory", "carol"]);
    const online = await login("mallory");
    const offline = await login("carol", "openid offline_access");
    const { sessions, truncated, failures } = await collectSessions(real.admin);
    assert.deepEqual([truncated, failures], [false, []]);
    const sids = sessions.map(({ sid }) => sid);
    assert.ok(sids.includes(online.sid) && sids.includes(offline.sid));
    await endAllSessions(real.admin, quiet);
    assert.deepEqual([await isAlive(online), await isAlive(offline)], [false, false]);
    assert.deepEqual((await collectSessions(real.admin)).sessions, []);
  });
});
