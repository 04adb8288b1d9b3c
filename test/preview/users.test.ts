import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { PlannedChange } from "#operations/keys/planned-change";
import type { RealmKey } from "#operations/keys/realm-keys";
import { estimateSeconds } from "../../scripts/preview/estimate.ts";
import { noticedByUsers } from "../../scripts/preview/users.ts";

const key: RealmKey = {
  kid: "k",
  algorithm: "RS256",
  status: "ACTIVE",
  signing: true,
  priority: 100,
  componentId: "c",
  componentName: "rsa-generated",
  providerId: "rsa-generated",
};
const disable: PlannedChange = { kind: "disable", key };
const adminProbe = { path: "/", realmRoles: [], acceptedStatuses: [200], rejectedStatuses: [401 as const] };
type Config = Parameters<typeof noticedByUsers>[0];
const config = (more: Partial<Config> = {}): Config => ({
  mode: "emergency",
  freeze: "none",
  internalKeys: [],
  sessions: { revoke: "none", denyListPath: "/", adminProbe },
  ...more,
});

suite("noticedByUsers", () => {
  const everyone = { revoke: "all" as const, denyListPath: "/", adminProbe };
  const some = { revoke: { sids: ["s"], users: [], realmRoles: [] }, denyListPath: "/", adminProbe };
  const all = { freeze: true, sessions: true, internalKeys: true };
  const none = { freeze: false, sessions: false, internalKeys: false };
  for (const [what, given, changes, expected] of [
    ["no change", config(), [], /^Nothing\.$/],
    ["an emergency", config(), [disable], /^Access tokens of the old keys are refused at once/],
    ["all sessions", config({ sessions: everyone }), [disable], /^Everyone is logged out/],
    ["the HMAC key", config({ internalKeys: ["hmac"] }), [disable], /^Everyone is logged out/],
    ["some sessions", config({ sessions: some }), [disable], /^The listed users and sessions are logged out/],
    ["a freeze", config({ freeze: "api" }), [disable], /Administrators can't change anything until/],
    [
      "a planned one",
      config({ mode: "planned" }),
      [{ kind: "passivate", key, trustedForMs: 60_000 }],
      /^Nothing: .*another 1 min/,
    ],
    [
      "an overlap that is shorter than tokens live",
      config({ mode: "planned" }),
      [{ kind: "passivate", key, trustedForMs: 0 }],
      /^Tokens of the old key are refused after 0 s, although they are valid for up to 1 min/,
    ],
    ["sessions that were ended before", config({ sessions: everyone, freeze: "api" }), [], /^Nothing\.$/],
    [
      "a retirement",
      config({ mode: "planned" }),
      [{ kind: "retire", key, overlapEnd: "t" }],
      /^Nothing, unless/,
    ],
  ] satisfies [string, Config, PlannedChange[], RegExp][]) {
    test(`${what}`, () => {
      assert.match(
        noticedByUsers(given, changes, changes.length > 0 ? all : none, 60_000).join("\n"),
        expected,
      );
    });
  }
});

test("the estimate grows with the size of the fleet and with the number of realms that change", () => {
  const refresh = { path: "/", attempts: 4, timeoutSeconds: 5, concurrency: 10 };
  const realm = { keys: [{ change: "disable" as const, algorithm: "RS256", managed: true, text: "" }] };
  const of = (instances: number, realms: number) =>
    estimateSeconds({ refresh }, Array(realms).fill(realm), [{ instances }]);
  assert.ok(of(10, 1) < of(1_000, 1));
  assert.ok(of(1_000, 1) < of(1_000, 2));
  assert.ok(Number.isInteger(of(0, 0)));
});
