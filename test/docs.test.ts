import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { parse } from "yaml";
import { evidenceJsonSchema } from "#operations/evidence-schema";

const root = new URL("../", import.meta.url);

test("the published evidence schema is in step with the code", async () => {
  const published: unknown = JSON.parse(await read("docs/evidence-v1.schema.json"));
  assert.deepEqual(published, JSON.parse(JSON.stringify(evidenceJsonSchema())));
});

test("the instance contract is a valid OpenAPI 3.1 document", async () => {
  const { valid, errors } = await new Validator().validate(parse(await read("docs/openapi.yaml")));
  assert.equal(valid, true, JSON.stringify(errors, null, 2));
});

test("the instance contract has every call, and each demands a token", async () => {
  const { openapi, paths } = parse(await read("docs/openapi.yaml"));
  assert.match(openapi, /^3\.1\./);
  const calls = Object.entries<Record<string, { security?: object[] }>>(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== "parameters")
      .map(([method, { security }]) => [`${method} ${path}`, Object.keys(security?.[0] ?? {})[0]]),
  );
  assert.deepEqual(calls, [
    ["post /internal/auth/jwks/refresh", "refreshToken"],
    ["get /api/me", "accessToken"],
    ["put /internal/auth/deny-list/{sid}", "refreshToken"],
    ["delete /internal/auth/deny-list/{sid}", "refreshToken"],
    ["put /internal/admin/freeze", "refreshToken"],
    ["delete /internal/admin/freeze", "refreshToken"],
  ]);
});

test("the contract's default paths are those of the settings", async () => {
  const source = await read("settings.ts");
  const { paths } = parse(await read("docs/openapi.yaml"));
  const defaults = [...source.matchAll(/path\.default\("([^"]+)"\)/g)].map(([, path]) => path);
  assert.equal(defaults.length, 2);
  for (const path of defaults) assert.ok(path && path in paths, `${path} is not in openapi.yaml`);
});

test("Pulumi.yaml describes exactly the keys that the settings know", async () => {
  const { config } = parse(await read("Pulumi.yaml"));
  assert.deepEqual(Object.keys(config).sort(), knownKeys(await read("settings.ts")).sort());
  for (const [key, { description }] of Object.entries<{ description?: string }>(config)) {
    assert.ok(description, `${key} has no description`);
  }
});

test("Pulumi.prod.yaml sets known keys only, below refresh and probe too", async () => {
  const source = await read("settings.ts");
  const { config } = parse(await read("Pulumi.prod.yaml"));
  const own = Object.keys(config).filter((key) => !key.startsWith("keycloak:"));
  const known = knownKeys(source).map((key) => `jwks-break-glass:${key}`);
  assert.deepEqual(
    own.filter((key) => !known.includes(key)),
    [],
  );
  for (const group of ["refresh", "probe"]) {
    const set = Object.keys(config[`jwks-break-glass:${group}`]).sort();
    assert.deepEqual(set, keysOf(source, `  ${group}: z\n    .strictObject({`, 6).sort());
  }
});

test("the example's secrets are not in the file", async () => {
  const { config } = parse(await read("Pulumi.prod.yaml"));
  const secrets = Object.keys(config).filter((key) => /secret|token|password/i.test(key));
  assert.deepEqual(secrets, []);
});

function read(path: string): Promise<string> {
  return readFile(new URL(path, root), "utf8");
}

/** Read from the source: importing settings.ts takes a running Pulumi program, and its schema is its own affair. */
function knownKeys(source: string): string[] {
  return keysOf(source, "const shape = z.strictObject({", 2);
}

function keysOf(source: string, opening: string, indent: number): string[] {
  const start = source.indexOf(opening);
  assert.notEqual(start, -1, `settings.ts has no ${opening}`);
  const body = source.slice(start + opening.length).split(`\n${" ".repeat(indent - 2)}})`)[0] ?? "";
  const key = new RegExp(`^ {${indent}}(\\w+):`, "gm");
  return [...body.matchAll(key)].flatMap(([, name]) => name ?? []);
}
