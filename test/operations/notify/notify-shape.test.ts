import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { settingsShape } from "#operations/config/settings-shape";
import { notifyShape } from "#operations/notify/notify-shape";

const secret = "0123456789abcdef";

function problems(given: unknown): string[] {
  return (notifyShape.safeParse(given).error?.issues ?? []).map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );
}

suite("the config key notify", () => {
  test("sends all messages by default", () => {
    const url = `https://hooks.example.com/${secret}`;
    assert.deepEqual(notifyShape.parse({ url }), { url, on: ["start", "verified", "failed"] });
    assert.deepEqual(notifyShape.parse({ url, on: ["failed"] }).on, ["failed"]);
  });

  test("may be left out", () => {
    assert.equal(settingsShape.shape.notify.parse(undefined), undefined);
  });

  for (const host of ["localhost:8080", "127.0.0.1", "[::1]:9"]) {
    test(`accepts plain http on ${host}`, () => {
      assert.deepEqual(problems({ url: `http://${host}/${secret}` }), []);
    });
  }

  for (const [title, given, expected] of [
    [
      "plain http to another host",
      { url: `http://127.0.0.1.example.com/${secret}` },
      /^url: is not an https URL/,
    ],
    ["credentials in the URL", { url: `https://user:${secret}@example.com` }, /^url: is not an https URL/],
    ["no URL", { on: ["failed"] }, /^url: is missing: set it with --secret/],
    ["the URL alone", `https://hooks.example.com/${secret}`, /^: is not \{url/],
    ["an unknown message", { url: "https://example.com", on: ["done"] }, /^on\.0: is not one of start/],
    ["no message at all", { url: "https://example.com", on: [] }, /^on: is empty/],
  ] as const) {
    test(`${title} is refused, and the message does not show the value`, () => {
      const found = problems(given).join("\n");
      assert.match(found, expected);
      assert.ok(!found.includes(secret));
    });
  }
});
