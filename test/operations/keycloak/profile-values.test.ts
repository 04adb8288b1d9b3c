import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { profileValues } from "#operations/keycloak/profile-values";

const own = { username: "probe", email: "probe@probe.invalid" };
const required = { roles: ["user"] };

function valuesOf(name: string, validations: Record<string, object>) {
  return profileValues([{ name, required, validations }], own)[name];
}

suite("profileValues", () => {
  test("what is not demanded gets no value, nor does the username", () => {
    const attributes = [{ name: "email" }, { name: "department" }, { name: "username", required }];
    assert.deepEqual(profileValues(attributes, own), {});
  });

  for (const [title, validations, expected] of [
    ["one of some options", { options: { options: ["staff", "guest"] } }, /^staff$/],
    ["a whole number", { integer: { min: 18, max: 99 } }, /^18$/],
    ["a number", { double: {} }, /^1$/],
    ["a number of at most none", { integer: { max: 0 } }, /^0$/],
    ["a URL", { uri: {} }, /^https:\/\//],
    ["a date", { "iso-date": {} }, /^\d{4}-\d\d-\d\d$/],
    ["an address", { email: {} }, /^probe@probe\.invalid$/],
    ["a short text", { length: { max: 5 } }, /^\S{1,5}$/],
    ["a long text", { length: { min: 40 } }, /^.{40,}$/],
    ["a telephone number", { pattern: { pattern: "^\\+[0-9]{10,14}$" } }, /^\+[0-9]{10,14}$/],
    ["a number of an account", { pattern: { pattern: "[A-Z]{2}[0-9]{6}" } }, /^[A-Z]{2}[0-9]{6}$/],
    ["letters", { pattern: { pattern: "[A-Za-z]+" }, length: { min: 3, max: 8 } }, /^[A-Za-z]{3,8}$/],
    ["a limit as a text", { length: { max: "4" } }, /^\S{1,4}$/],
  ] as const) {
    test(`${title} is given`, () => assert.match(valuesOf("own", validations)?.[0] ?? "", expected));
  }

  test("an address at a given domain is made for it", () => {
    const pattern = { pattern: "^[a-z-]+@example\\.com$" };
    assert.deepEqual(valuesOf("email", { email: {}, pattern }), ["probe@example.com"]);
  });

  test("an attribute of several values gets as many as it must have", () => {
    assert.equal(valuesOf("own", { multivalued: { min: "3", max: "5" } })?.length, 3);
  });
});
