import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { defaultBootstrapPattern } from "#operations/fleet/kubernetes/bootstrap-pattern";

const pattern = new RegExp(defaultBootstrapPattern, "i");

const good = [
  '2026-11-23T02:00:00.000Z shop-api-7d4 JWKS bootstrap ok kids=["k8","k9"]',
  "JWKS loaded",
  "Loaded 2 keys from JWKS https://id.example.com/realms/shop/protocol/openid-connect/certs",
  "INFO c.e.JwksLoader : Fetched JWKS from https://id.example.com/certs in 31 ms",
  "jwks fetched successfully",
  "Successfully retrieved JWK set",
  "Retrieved JSON Web Key Set (2 keys)",
  "JSON Web Key Set initialised",
  "JWKS initialized",
  "JWKS cache initialized with 2 keys",
  "JWKS cache is ready",
  "jwks: ready",
  "Initialized the JWKS cache",
  "JWKS has been refreshed",
  '{"level":"info","msg":"jwks loaded","kids":["k8"],"error":null}',
  '{"level":"info","message":"JWKS bootstrap complete","errors":0}',
  "JWKS bootstrapped, 0 errors",
  "JWKS fetch completed",
  "JWKS loaded to the cache",
  "[auth] downloaded JWKS (1 key)",
];

const bad = [
  "JWKS bootstrap failed: fetch failed",
  "could not fetch JWKS",
  "couldn't load JWKS: loaded 0 of 1",
  "JWKS could not be loaded",
  "JWKS not loaded yet, still starting",
  "JWKS was never fetched",
  "error: JWKS loaded from https://id.example.com/certs is no JSON",
  "ERROR JWKS refreshed with errors",
  '{"level":"error","msg":"jwks loaded partly"}',
  "unable to retrieve JWK set",
  "JWKS fetch timed out; cached copy refreshed",
  "JWKS unreachable, retrying",
  "JWKS will be loaded on the first request",
  "waiting for the JWKS to be loaded",
  "loading JWKS from https://id.example.com/certs",
  "fetching JSON Web Key Set",
  "JWKS client initialized with https://id.example.com/certs",
  "initialized JWKS client for https://id.example.com/certs",
  "JWKS loaded: 0 keys",
  "JWKS bootstrap ok kids=[]",
  "jwks ready=false",
  "jwks loaded: false",
  "JWKS invalid, former set cached",
  "GET /jwks 200",
  "using cached JWKS",
  "stale JWKS loaded from disk",
  "configuration loaded",
  "server ready on port 8080",
  "",
];

suite("the default bootstrap pattern", () => {
  for (const line of good) test(`takes: ${line}`, () => assert.match(line, pattern));
  for (const line of bad) test(`leaves: ${line}`, () => assert.doesNotMatch(line, pattern));

  test("is quick on a line of a quarter megabyte", () => {
    const startedAt = performance.now();
    for (const part of ["jwks ", "loaded ", "JWKS bootstrap ", "a", "error=0 "]) {
      assert.equal(pattern.test(part.repeat(Math.ceil(2 ** 18 / part.length))), false);
    }
    assert.ok(performance.now() - startedAt < 5_000);
  });
});
