import assert from "node:assert/strict";
import { test } from "node:test";
import { Redactor } from "../../../scripts/lab/engine/display/redactor.ts";
import { toSecret } from "../../../scripts/lab/engine/property-values.ts";

test("secret strings are masked wherever they appear", () => {
  const redactor = new Redactor();
  redactor.addSecretsOf({ list: [toSecret("swordfish")], open: "visible" });
  assert.equal(redactor.clean("a swordfish is visible"), "a [secret] is visible");
});

test("of a structured secret, tokens and passwords are masked and names stay readable", () => {
  const redactor = new Redactor();
  const jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln";
  redactor.addSecretsOf({
    canary: toSecret({ kid: "kid-of-the-key", seen: jwt, clientSecret: "hunter2hunter2" }),
  });
  assert.equal(redactor.clean(`kid-of-the-key ${jwt} hunter2hunter2`), "kid-of-the-key [secret] [secret]");
});

test("very short secrets are not searched for in text", () => {
  const redactor = new Redactor();
  redactor.addSecretsOf({ flag: toSecret("true") });
  assert.equal(redactor.clean("that is true"), "that is true");
});
