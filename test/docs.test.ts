import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { parse } from "yaml";
import { settingsShape } from "#operations/config/settings-shape";
import { doctorCodes } from "#operations/doctor/finding";
import { evidenceJsonSchema } from "#operations/evidence/evidence-schema";

const root = new URL("../", import.meta.url);

test("the published evidence schema matches the code", async () => {
  const published: unknown = JSON.parse(await read("docs/evidence-v2.schema.json"));
  assert.deepEqual(published, JSON.parse(JSON.stringify(evidenceJsonSchema())));
});

test("the instance contract is a valid OpenAPI 3.1 document", async () => {
  const { valid, errors } = await new Validator().validate(parse(await read("docs/openapi.yaml")));
  assert.equal(valid, true, JSON.stringify(errors, null, 2));
});

test("the instance contract has every call, and each requires a token", async () => {
  const { openapi, paths } = parse(await read("docs/openapi.yaml"));
  assert.match(openapi, /^3\.1\./);
  const calls = Object.entries<Record<string, { security?: object[] }>>(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== "parameters")
      .map(([method, { security }]) => [`${method} ${path}`, Object.keys(security?.[0] ?? {})[0]]),
  );
  assert.deepEqual(calls, [
    ["post /internal/auth/jwks/refresh", "apiRefreshToken"],
    ["get /api/me", "accessToken"],
    ["put /internal/auth/deny-list/{sid}", "apiRefreshToken"],
    ["delete /internal/auth/deny-list/{sid}", "apiRefreshToken"],
    ["put /internal/admin/freeze", "apiRefreshToken"],
    ["delete /internal/admin/freeze", "apiRefreshToken"],
  ]);
});

interface ApiResponse {
  $ref?: string;
  headers?: Record<string, { $ref?: string }>;
}

test("every answer of the instance contract may name its process", async () => {
  const { paths, components } = parse(await read("docs/openapi.yaml"));
  const unnamed = Object.entries<Record<string, { responses?: Record<string, ApiResponse> }>>(paths).flatMap(
    ([path, item]) =>
      Object.entries(item).flatMap(([method, { responses = {} }]) =>
        Object.entries(responses)
          .map(([status, one]) => ({ status, ...(one.$ref ? at<ApiResponse>(components, one.$ref) : one) }))
          .filter(({ headers }) => headers?.["JWKS-Process"]?.$ref !== "#/components/headers/JwksProcess")
          .map(({ status }) => `${method} ${path}: ${status}`),
      ),
  );
  assert.deepEqual(unnamed, []);
});

test("the contract's examples of a process's name match its pattern, and what is no RFC 9651 Item does not", async () => {
  const { components } = parse(await read("docs/openapi.yaml"));
  const { schema, examples } = components.headers.JwksProcess;
  const pattern = new RegExp(schema.pattern);
  for (const { value } of Object.values<{ value: string }>(examples)) assert.match(value, pattern);
  assert.match("worker-1; of=4096", pattern);
  for (const wrong of [
    "",
    "4242",
    '""',
    '"a\u00e9"',
    '"a"; of=0',
    '"a"; of=x',
    '"a',
    "a b",
    `"${"a".repeat(101)}"`,
  ])
    assert.doesNotMatch(wrong, pattern, wrong);
});

/** What a reference to `#/components/…` leads to. */
function at<T>(components: Record<string, Record<string, T>>, reference: string): T {
  const [, , group = "", name = ""] = reference.split("/");
  return components[group]?.[name] ?? assert.fail(reference);
}

test("the contract's default paths are those of the settings", async () => {
  const { paths } = parse(await read("docs/openapi.yaml"));
  const { refresh, probe } = settingsShape.shape;
  for (const { path } of [refresh.parse(undefined), probe.parse(undefined)]) {
    assert.ok(path in paths, `${path} is not in openapi.yaml`);
  }
});

test("Pulumi.yaml describes exactly the keys that the settings know", async () => {
  const { config } = parse(await read("Pulumi.yaml"));
  assert.deepEqual(Object.keys(config).sort(), Object.keys(settingsShape.shape).sort());
  for (const [key, { description }] of Object.entries<{ description?: string }>(config)) {
    assert.ok(description, `${key} has no description`);
  }
});

/** All keys of a group: those with a default are filled in. */
const groupKeys = {
  refresh: Object.keys(settingsShape.shape.refresh.parse(undefined)),
  probe: Object.keys(settingsShape.shape.probe.parse(undefined)),
  restart: Object.keys(settingsShape.shape.restart.parse(undefined)),
};

test("Pulumi.prod.yaml sets known keys only, below refresh, restart and probe too", async () => {
  const { config } = parse(await read("Pulumi.prod.yaml"));
  const own = Object.keys(config).filter((key) => !/^(keycloak|kubernetes):/.test(key));
  const known = Object.keys(settingsShape.shape).map((key) => `jwks-break-glass:${key}`);
  assert.deepEqual(
    own.filter((key) => !known.includes(key)),
    [],
  );
  for (const group of ["refresh", "probe", "restart"] as const) {
    const set = Object.keys(config[`jwks-break-glass:${group}`]).sort();
    assert.deepEqual(set, [...groupKeys[group]].sort());
  }
});

test("the example's targets are valid, and include every kind", async () => {
  const { config } = parse(await read("Pulumi.prod.yaml"));
  const targets = settingsShape.shape.targets.parse(config["jwks-break-glass:targets"]);
  assert.deepEqual(
    targets.map(({ kind, name }) => `${kind} ${name}`),
    ["static static", "kubernetes shop", "kubernetes us"],
  );
});

test("the example's secrets are not in the file", async () => {
  const { config } = parse(await read("Pulumi.prod.yaml"));
  const secrets = Object.keys(config).filter((key) => /secret|token$|password/i.test(key));
  assert.deepEqual(secrets, []);
});

test("the page on the doctor explains each of its own codes", async () => {
  const page = await read("docs/doctor.md");
  assert.deepEqual(
    doctorCodes.filter((code) => !page.includes(`\`${code}\``)),
    [],
  );
});

function read(path: string): Promise<string> {
  return readFile(new URL(path, root), "utf8");
}
