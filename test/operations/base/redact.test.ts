import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { redactor } from "#operations/base/redact";

suite("redactor", () => {
  const redact = redactor(["refresh-token-0123456789", "short"]);

  test("a known secret goes wherever it stands", () => {
    assert.equal(redact("a refresh-token-0123456789, refresh-token-0123456789!"), "a [secret], [secret]!");
  });

  test("a JWT goes, known or not", () => {
    assert.equal(redact("token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln end"), "token [secret] end");
  });

  test("what follows Bearer goes", () => {
    assert.equal(redact("authorization: Bearer abc.def/ghi= x"), "authorization: Bearer [secret] x");
  });

  test("a value too short to be a secret takes nothing out of the text", () => {
    assert.equal(redact("a short line"), "a short line");
  });
});
