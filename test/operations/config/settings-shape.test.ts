import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { settingsShape } from "#operations/config/settings-shape";

const { targets, restart, apiRefreshTokenVersion } = settingsShape.shape;
const pods = { namespace: "shop", selector: "app=shop-api", port: "http" };

/** Each problem as the settings show it: where, and what. */
function problems(shape: typeof targets | typeof restart, given: unknown): string[] {
  return (shape.safeParse(given).error?.issues ?? []).map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );
}

suite("targets", () => {
  test("URLs and pods make one target of the static list and one for each of the others", () => {
    const given = [
      "https://api-1.example.com/",
      { name: "two", url: "https://api-2.example.com" },
      { kubernetes: pods },
    ];
    const [list, shop, ...others] = targets.parse(given);
    assert.deepEqual(list, {
      kind: "static",
      name: "static",
      instances: [
        { name: "api-1.example.com", url: "https://api-1.example.com" },
        { name: "two", url: "https://api-2.example.com" },
      ],
    });
    assert.deepEqual(shop, {
      kind: "kubernetes",
      name: "shop",
      scheme: "http",
      workloads: [],
      transport: "port-forward",
      readyTimeoutMs: 60_000,
      ...pods,
    });
    assert.deepEqual(others, []);
  });

  test("a lone Kubernetes target needs no list", () => {
    assert.deepEqual(targets.parse({ kubernetes: pods }), targets.parse([{ kubernetes: pods }]));
  });

  test("a Secret is made unless it is adopted", () => {
    const [target] = targets.parse({ kubernetes: { ...pods, secret: { name: "token" } } });
    assert.deepEqual(target?.kind === "kubernetes" && target.secret, { name: "token", adopt: false });
  });

  for (const [title, given, expected] of [
    ["nothing", undefined, [/^: is missing: list the base URL/]],
    ["an empty list", [], [/^: is empty/]],
    ["no URL", ["ftp://api-1"], [/^0\.url: is not an http\(s\) URL/]],
    ["a key that does not exist", [{ url: "https://a", weight: 1 }], [/^0\.weight: no such key/]],
    [
      "pods without namespace, selector and port",
      [{ kubernetes: {} }],
      [/namespace: is missing/, /selector: is missing/, /port: is neither/],
    ],
    [
      "a key of a target that does not exist",
      [{ kubernetes: { ...pods, label: "x" } }],
      [/^0\.kubernetes\.label: no such key/],
    ],
    [
      "a workload that is none",
      [{ kubernetes: { ...pods, workloads: ["pod/x"] } }],
      [/workloads\.0: is not deployment/],
    ],
    [
      "contents as kubeconfig",
      [{ kubernetes: { ...pods, kubeconfig: "a: 1\nb: 2" } }],
      [/kubeconfig: is not a path: .* kubernetes:kubeconfig/],
    ],
    [
      "two targets of one name",
      [{ kubernetes: pods }, { kubernetes: pods }],
      [/^: names the target shop twice/],
    ],
    ["one URL twice", ["https://a", { name: "b", url: "https://a" }], [/^: names the url https:\/\/a twice/]],
    [
      "one URL in two spellings",
      ["https://a/api", { name: "b", url: "HTTPS://A:443/api/" }],
      [/^: names the url https:\/\/a\/api twice/],
    ],
  ] as const) {
    test(`${title} is refused in words`, () => {
      const found = problems(targets, given);
      assert.equal(found.length, expected.length, found.join("\n"));
      for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? "", pattern);
    });
  }
});

suite("restart", () => {
  test("the default refreshes first, and restarts what that does not help", () => {
    const { strategy, timeoutSeconds, command, logs } = restart.parse(undefined);
    assert.deepEqual([strategy, timeoutSeconds, command, logs], ["refresh-then-restart", 600, [], []]);
  });

  test("a pattern that is no regular expression and an unknown strategy are refused", () => {
    const found = problems(restart, { strategy: "reboot", bootstrapPattern: "(" });
    assert.deepEqual(found.length, 2);
    assert.match(
      found.join("\n"),
      /strategy: is not refresh, restart[\s\S]*bootstrapPattern: is not a regular expression/,
    );
  });
});

test("apiRefreshTokenVersion is 1 unless it was bumped", () => {
  assert.deepEqual([apiRefreshTokenVersion.parse(undefined), apiRefreshTokenVersion.parse("7")], [1, 7]);
  assert.equal(apiRefreshTokenVersion.safeParse("0").success, false);
});
