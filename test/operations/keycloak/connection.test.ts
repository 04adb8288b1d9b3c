import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  isHttpUrl,
  type KeycloakConnection,
  readConnection,
  trimSlash,
} from "#operations/keycloak/connection";

function read(config: Record<string, string>, env: NodeJS.ProcessEnv = {}) {
  return readConnection((key) => config[key], env);
}

function connectionOf(config: Record<string, string>, env: NodeJS.ProcessEnv = {}): KeycloakConnection {
  const result = read(config, env);
  assert.ok("connection" in result, JSON.stringify(result));
  return result.connection;
}

function problemsOf(config: Record<string, string>, env: NodeJS.ProcessEnv = {}): string[] {
  const result = read(config, env);
  return "problems" in result ? result.problems : [];
}

const sound = { url: "https://sso.example.com/", clientId: "admin", clientSecret: "s" };

suite("readConnection", () => {
  test("three keys are enough; the rest has the provider's defaults", () => {
    assert.deepEqual(connectionOf(sound), {
      url: "https://sso.example.com",
      adminUrl: "https://sso.example.com",
      basePath: "",
      realm: "master",
      clientId: "admin",
      clientSecret: "s",
      timeoutMs: 15_000,
      tlsInsecureSkipVerify: false,
    });
  });

  test("every key is taken", () => {
    const rest = {
      adminUrl: "https://admin.example.com/",
      basePath: "/auth/",
      realm: "ops",
      clientTimeout: "3",
    };
    const tls = { tlsInsecureSkipVerify: "true", rootCaCertificate: "PEM" };
    const connection = connectionOf({ ...sound, ...rest, ...tls });
    assert.deepEqual(
      [connection.adminUrl, connection.basePath, connection.realm, connection.timeoutMs],
      ["https://admin.example.com", "/auth", "ops", 3_000],
    );
    assert.deepEqual([connection.tlsInsecureSkipVerify, connection.rootCaCertificate], [true, "PEM"]);
  });

  test("what the config lacks is read from the provider's environment variables", () => {
    const env = {
      KEYCLOAK_URL: "http://127.0.0.1:1",
      KEYCLOAK_ADMIN_URL: "http://127.0.0.1:2",
      KEYCLOAK_BASE_PATH: "/auth",
      KEYCLOAK_REALM: "ops",
      KEYCLOAK_CLIENT_ID: "cli",
      KEYCLOAK_CLIENT_SECRET: "cs",
      KEYCLOAK_USER: "u",
      KEYCLOAK_PASSWORD: "p",
      KEYCLOAK_CLIENT_TIMEOUT: "1",
    };
    assert.deepEqual(connectionOf({}, env), {
      url: "http://127.0.0.1:1",
      adminUrl: "http://127.0.0.1:2",
      basePath: "/auth",
      realm: "ops",
      clientId: "cli",
      clientSecret: "cs",
      username: "u",
      password: "p",
      timeoutMs: 1_000,
      tlsInsecureSkipVerify: false,
    });
  });

  test("the config goes before the environment, an empty value does not", () => {
    const env = { KEYCLOAK_URL: "http://env.example", KEYCLOAK_REALM: "env" };
    const connection = connectionOf({ ...sound, realm: "" }, env);
    assert.deepEqual([connection.url, connection.realm], ["https://sso.example.com", "env"]);
  });

  test("a username and password do instead of a client secret; one of both does not", () => {
    const { clientSecret: _, ...rest } = sound;
    assert.equal(connectionOf({ ...rest, username: "u", password: "p" }).clientSecret, undefined);
    assert.match(problemsOf({ ...rest, username: "u" }).join(), /keycloak:clientSecret is missing/);
  });

  test("nothing set gives every problem at once, each with the way out", () => {
    const problems = problemsOf({});
    assert.equal(problems.length, 3);
    for (const [index, name] of ["KEYCLOAK_URL", "KEYCLOAK_CLIENT_ID", "KEYCLOAK_CLIENT_SECRET"].entries()) {
      assert.match(problems[index] ?? "", new RegExp(name));
    }
  });

  test("wrong values are named together with missing ones, and no secret is shown", () => {
    const wrong = { url: "sso", adminUrl: "ftp://x", clientTimeout: "soon", accessToken: "tell-no-one" };
    const problems = problemsOf(wrong);
    for (const key of ["url", "adminUrl", "clientId", "clientSecret", "clientTimeout", "accessToken"]) {
      assert.ok(
        problems.some((problem) => problem.startsWith(`keycloak:${key} `)),
        key,
      );
    }
    assert.equal(problems.length, 6);
    assert.doesNotMatch(problems.join(), /tell-no-one/);
  });

  for (const timeout of ["0", "-1", "x"]) {
    test(`a time limit of ${timeout} seconds is a problem`, () => {
      assert.match(problemsOf({ ...sound, clientTimeout: timeout }).join(), /keycloak:clientTimeout/);
    });
  }

  test("a time limit that no timer takes is a problem", () => {
    assert.match(problemsOf({ ...sound, clientTimeout: "Infinity" }).join(), /keycloak:clientTimeout/);
  });

  test("a base path without a leading slash is a problem, since it would become part of the host name", () => {
    assert.match(problemsOf({ ...sound, basePath: "auth" }).join(), /keycloak:basePath/);
  });
});

suite("isHttpUrl", () => {
  for (const url of ["http://a", "https://a:1/b", "HTTPS://A"]) {
    test(`${url} is one`, () => assert.equal(isHttpUrl(url), true));
  }
  for (const url of [
    "",
    "a",
    "//a",
    "ftp://a",
    "file:///a",
    "javascript:1",
    "https://u:p@a",
    "https://u@a",
    "https://",
  ]) {
    test(`${url || "nothing"} is none`, () => assert.equal(isHttpUrl(url), false));
  }
});

suite("trimSlash", () => {
  test("slashes at the end go, others stay", () => assert.equal(trimSlash("http://a//b//"), "http://a//b"));
});
