import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type DenyListExam, examineDenyList, judgeDenyList } from "#operations/doctor/deny-list";
import { UndoGuard } from "#operations/doctor/undo-guard";
import { keycloakStandIn } from "../keycloak-stand-in.ts";
import { staticFleet } from "../samples.ts";

const identity = { realmRoles: ["admin"], audience: [], algorithm: "RS256" };
const fleet = staticFleet({ name: "api-1", url: "http://127.0.0.1:1" });
const exam = (change: Partial<DenyListExam>): DenyListExam => ({
  revoke: "all",
  denyListPath: "/internal/auth/deny-list",
  adminPath: { path: "/api/admin", acceptedStatuses: [200], rejectedStatuses: [403] },
  identity,
  fleet,
  isConcerned: () => true,
  guard: new UndoGuard(),
  progress: () => undefined,
  ...change,
});

suite("examineDenyList", () => {
  for (const [why, change] of [
    ["where the config ends no session", { revoke: "none" }],
    ["where no token can be minted: Keycloak would make a key", { identity: undefined }],
    ["without an API refresh token", { fleet: { ...fleet, apiRefreshTokens: [] } }],
  ] as [string, Partial<DenyListExam>][]) {
    test(`nothing is done ${why}`, async (t) => {
      const { admin, server } = await keycloakStandIn(t, {});
      const { findings, skipped } = await examineDenyList(admin, exam(change));
      assert.deepEqual([findings, skipped, server.received], [[], true, []]);
    });
  }

  test("nothing begins when the process is about to stop", async (t) => {
    const { admin, server } = await keycloakStandIn(t, {});
    const guard = new UndoGuard();
    await guard.stop();
    const { seen } = await examineDenyList(admin, exam({ guard }));
    assert.deepEqual([seen, server.received], ["not tried", []]);
  });

  test("what keeps it from being proven is found", () => {
    const { findings, seen } = judgeDenyList("shop", { instances: [], failures: ["api-1 ignores it"] });
    assert.equal(seen, "0 of 0 refuse an administrator who is on it");
    assert.deepEqual(
      findings.map(({ severity, code, what }) => [severity, code, what]),
      [["problem", "DENY_LIST_FAILED", "the deny-list is not shown to work: api-1 ignores it"]],
    );
  });
});
