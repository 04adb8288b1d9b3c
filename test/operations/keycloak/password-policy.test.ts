import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { passwordFor } from "#operations/keycloak/password-policy";

const count = (text: string, kind: RegExp) => text.match(kind)?.length ?? 0;

suite("passwordFor", () => {
  test("without a policy it is long, random, and has each kind of character", () => {
    const [one, other] = [passwordFor(undefined), passwordFor("")];
    assert.notEqual(one, other);
    assert.ok(one.length >= 40);
    for (const kind of [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/]) assert.match(one, kind);
  });

  for (const [policy, check] of [
    ["length(60)", (text: string) => text.length >= 60],
    ["length(8) and maxLength(12)", (text: string) => text.length >= 8 && text.length <= 12],
    ["digits(25)", (text: string) => count(text, /[0-9]/g) >= 25],
    [
      "upperCase(20) and lowerCase(20) and specialChars(20)",
      (text: string) =>
        count(text, /[A-Z]/g) >= 20 && count(text, /[a-z]/g) >= 20 && count(text, /[^A-Za-z0-9]/g) >= 20,
    ],
    [
      "maxLength(8) and digits(2) and upperCase(2) and lowerCase(2) and specialChars(2)",
      (text: string) =>
        text.length === 8 && count(text, /[0-9]/g) === 2 && count(text, /[^A-Za-z0-9]/g) === 2,
    ],
    ["digits(undefined) and length(undefined)", (text: string) => count(text, /[0-9]/g) >= 1],
    ["regexPattern(^[a-z0-9]{8,12}$) and maxLength(12)", (text: string) => /^[a-z0-9]{8,12}$/.test(text)],
    ["regexPattern([A-Z][a-z]{9,})", (text: string) => /^[A-Z][a-z]{9,}$/.test(text)],
    [
      "regexPattern((?=.*[a-z])(?=.*[0-9]).{10,16})",
      (text: string) => /^(?=.*[a-z])(?=.*[0-9]).{10,16}$/.test(text),
    ],
    ["regexPattern([0-9]{6})", (text: string) => /^[0-9]{6}$/.test(text)],
    // Java's, and not ours: left to Keycloak.
    ["regexPattern((?i)[a-z]++) and length(10)", (text: string) => text.length >= 10],
    [
      "notUsername(undefined) and notEmail(undefined) and passwordHistory(3) and hashIterations(27500)",
      (text: string) => text.length >= 40,
    ],
  ] as const) {
    test(`${policy} is kept`, () => {
      for (let turn = 0; turn < 20; turn += 1) {
        const password = passwordFor(policy);
        assert.ok(check(password), password);
      }
    });
  }
});
