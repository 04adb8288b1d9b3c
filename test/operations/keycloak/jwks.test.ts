import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { suite, test } from "node:test";
import { awaitJwks, discover, readJwks, signatureKids } from "#operations/keycloak/jwks";
import { keycloakStandIn, type Routes } from "../keycloak-stand-in.ts";
import { refusingUrl, sendJson } from "../loopback-server.ts";

const certs = "/realms/shop/protocol/openid-connect/certs";
const rotated = { present: ["new"], absent: ["old"] };
const quick = { intervalMs: 1, timeoutMs: 300 };

function send(response: ServerResponse, ...kids: string[]): void {
  sendJson(response, 200, { keys: kids.map((kid) => ({ kid, kty: "RSA", use: "sig" })) });
}

async function publishing(t: Parameters<typeof keycloakStandIn>[0], route: Routes[string]) {
  const { admin, server } = await keycloakStandIn(t, { [certs]: route });
  return { admin, server, url: `${server.url}${certs}` };
}

suite("signatureKids", () => {
  test("keys for encryption are left out, keys without a use are not", () => {
    const keys = [
      { kid: "a", kty: "RSA", use: "sig" },
      { kid: "b", kty: "RSA", use: "enc" },
      { kid: "c", kty: "EC" },
    ];
    assert.deepEqual(signatureKids({ keys }), ["a", "c"]);
  });
});

suite("readJwks", () => {
  for (const [title, status, body] of [
    ["HTTP 500", 500, "{}"],
    ["a page", 200, "<html>"],
    ["a list", 200, "[]"],
    ["an error page with status 404", 404, '{"keys":[]}'],
  ] as const) {
    test(`${title} is JWKS_UNREADABLE`, async (t) => {
      const { admin, url } = await publishing(t, (response) => response.writeHead(status).end(body));
      await assert.rejects(readJwks(admin, url), { code: "JWKS_UNREADABLE" });
    });
  }

  for (const body of ["{}", '{"keys":{}}']) {
    test(`JSON that is no key set (${body}) is JWKS_UNREADABLE`, async (t) => {
      const { admin, url } = await publishing(t, (response) => response.end(body));
      await assert.rejects(readJwks(admin, url), { code: "JWKS_UNREADABLE" });
    });
  }

  test("no answer is KEYCLOAK_UNREACHABLE at Keycloak's own address, and JWKS_UNREADABLE at another", async (t) => {
    const { admin, url } = await publishing(t, (response) => response.destroy());
    await assert.rejects(readJwks(admin, url, { attempts: 1 }), { code: "KEYCLOAK_UNREACHABLE" });
    const cdn = `${await refusingUrl()}/jwks.json`;
    await assert.rejects(readJwks(admin, cdn, { attempts: 1 }), {
      code: "JWKS_UNREADABLE",
      message: new RegExp(`^JWKS_UNREADABLE: ${cdn} gives no answer \\(http.*connection refused\\)`),
    });
  });

  test("a redirect is not followed", async (t) => {
    const { admin, url } = await publishing(t, (response) =>
      response.writeHead(302, { location: "/x" }).end(),
    );
    await assert.rejects(readJwks(admin, url), { code: "JWKS_UNREADABLE", message: /HTTP 302/ });
  });
});

suite("discover", () => {
  test("the endpoints are the realm's own words", async (t) => {
    const { admin } = await keycloakStandIn(t, {
      "/realms/shop/.well-known/openid-configuration": (response) =>
        sendJson(response, 200, { issuer: "i", jwks_uri: "j", token_endpoint: "t", userinfo_endpoint: "u" }),
    });
    assert.deepEqual(await discover(admin), {
      issuer: "i",
      jwksUri: "j",
      tokenEndpoint: "t",
      userinfoEndpoint: "u",
    });
  });
});

suite("awaitJwks", () => {
  test("it takes as many good reads in a row as were asked for", async (t) => {
    const { admin, url, server } = await publishing(t, (response) => send(response, "new"));
    const result = await awaitJwks(admin, url, rotated, { ...quick, reads: 3 });
    assert.deepEqual([result.url, result.reads, result.kids, server.received.length], [url, 3, ["new"], 3]);
  });

  test("the order of the keys does not matter", async (t) => {
    const { admin, url } = await publishing(t, (response) => send(response, "b", "a"));
    assert.equal((await awaitJwks(admin, url, { present: ["a", "b"], absent: [] }, quick)).reads, 5);
  });

  test("keys of other issuers in the same set, and keys without a kid, are left out", async (t) => {
    const { admin, url } = await publishing(t, (response) =>
      sendJson(response, 200, {
        keys: [{ kid: "theirs", kty: "RSA" }, { kty: "EC" }, { kid: "new", kty: "RSA" }],
      }),
    );
    assert.deepEqual((await awaitJwks(admin, url, rotated, quick)).kids, ["new"]);
  });

  test("a URL that shows the old set first is waited for", async (t) => {
    const { admin, url } = await publishing(t, (response, _request, count) =>
      send(response, ...(count < 5 ? ["old"] : ["new"])),
    );
    assert.deepEqual((await awaitJwks(admin, url, rotated, { ...quick, timeoutMs: 5_000 })).kids, ["new"]);
  });

  for (const [title, kids, message] of [
    ["still shows the retired key", ["old", "new"], /still has old after/],
    ["lacks the new key", [], /lacks new after/],
    ["shows the old set", ["old"], /lacks new, still has old after/],
  ] as const) {
    test(`a URL that ${title} is JWKS_NOT_CURRENT, with the difference`, async (t) => {
      const { admin, url } = await publishing(t, (response) => send(response, ...kids));
      await assert.rejects(awaitJwks(admin, url, rotated, quick), { code: "JWKS_NOT_CURRENT", message });
    });
  }

  test("a URL that alternates between the old and the new set is never current", async (t) => {
    const { admin, url } = await publishing(t, (response, _request, count) =>
      send(response, count % 2 === 0 ? "old" : "new"),
    );
    await assert.rejects(awaitJwks(admin, url, rotated, quick), {
      code: "JWKS_NOT_CURRENT",
      message: /shows the new set in only \d+ of \d+ reads \(otherwise it lacks new, still has old\) after/,
    });
  });

  test("one stale node of four is found by five reads in a row", async (t) => {
    const { admin, url } = await publishing(t, (response, _request, count) =>
      send(response, count % 4 === 0 ? "old" : "new"),
    );
    await assert.rejects(awaitJwks(admin, url, rotated, quick), { code: "JWKS_NOT_CURRENT" });
  });

  test("a stale node behind a balancer of connections is found, since reads do not all share one", async (t) => {
    const nodes = new Map<unknown, string>();
    const { admin, url } = await publishing(t, (response) => {
      const { socket } = response;
      if (!nodes.has(socket)) nodes.set(socket, nodes.size % 2 === 0 ? "new" : "old");
      send(response, nodes.get(socket) ?? "");
    });
    await assert.rejects(awaitJwks(admin, url, rotated, quick), { code: "JWKS_NOT_CURRENT" });
  });

  test("a single failed read is another bad read and not the end", async (t) => {
    const { admin, url } = await publishing(t, (response, _request, count) =>
      count === 2 ? response.writeHead(503).end() : send(response, "new"),
    );
    assert.deepEqual((await awaitJwks(admin, url, rotated, { ...quick, timeoutMs: 5_000 })).kids, ["new"]);
  });
});
