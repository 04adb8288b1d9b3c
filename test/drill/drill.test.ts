import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { runDrill } from "./run-drill.ts";

suite("npm run drill", () => {
  test("a healthy fleet is verified: exit 0, a summary for machines, a report for people", async (t) => {
    const { exitCode, output, summary, directory } = await runDrill(t, "--instances", "2");
    assert.equal(exitCode, 0, output);
    assert.match(
      output,
      /accepted by 2 of 2 instances[\s\S]*accepted by 0 of 2 instances now, and refused by Keycloak/,
    );
    const { engine, verified, exposureWindowMs, instances, phases } = await summary();
    assert.ok(["local", "pulumi"].includes(engine));
    assert.equal(verified, true);
    assert.ok(exposureWindowMs > 0);
    assert.deepEqual(
      instances.map(({ name, refresh, proof }: Record<string, string>) => [name, refresh, proof]),
      [
        ["api-1", "claimed", "replayed"],
        ["api-2", "claimed", "replayed"],
      ],
    );
    assert.deepEqual(instances[0].verdicts.retired, ["rejected", "rejected"]);
    assert.deepEqual(
      phases.map(({ phase }: { phase: string }) => phase),
      ["canary", "publish", "cut-over", "enforce", "verify"],
    );
    for (const { startedAt, finishedAt } of phases) assert.ok(startedAt <= finishedAt);
    assert.match(
      await readFile(join(directory, "evidence", "DRILL-THEFT", "2", "report.md"), "utf8"),
      /VERIFIED/,
    );
  });

  test("a stolen session and an administrator at work are shown before, while and after it: exit 0", async (t) => {
    const { exitCode, output, summary } = await runDrill(t, "--instances", "2", "--sessions", "--freeze");
    assert.equal(exitCode, 0, output);
    assert.match(output, /alicia: its refresh token gives new tokens, and 2 of 2 instances take them/);
    assert.match(
      output,
      /olivia: a write below \/api\/admin is taken by 2 of 2 instances, and Keycloak takes/,
    );
    assert.match(
      output,
      /admin +a write below \/api\/admin is refused by 2 of 2 instances \(423\), and Keycloak refu/,
    );
    assert.match(output, /│ Deny-list │/);
    assert.match(output, /alicia's session: Keycloak refuses to refresh it/);
    assert.match(
      output,
      /token of the new key that the thief got .*: refused by 2 of 2 instances \(403, deny-list\)/,
    );
    assert.match(output, /bob's session, which is not listed: .* 2 of 2 instances take them/);
    assert.match(
      output,
      /olivia after the rotation: a write below \/api\/admin is taken by 2 of 2 instances/,
    );
    const { verified, beside, instances } = await summary();
    assert.equal(verified, true);
    assert.deepEqual(beside, {
      sessions: { ok: true, refreshRefused: true, tokenOfNewKeyDenied: true, unlistedLives: true },
      freeze: { ok: true, frozenMeanwhile: true, freeAfter: true },
    });
    assert.deepEqual(
      instances.map(({ denyList }: { denyList: boolean | null }) => denyList),
      [true, true],
    );
  });

  test("an instance that keeps its cache makes it fail: exit 1, the instance is named, a freeze stays", async (t) => {
    const args = ["--instances", "2", "--misbehave", "keep-cache:1", "--freeze"];
    const { exitCode, output, summary } = await runDrill(t, ...args);
    assert.equal(exitCode, 1, output);
    assert.match(output, /api-2 still accepts kid[\s\S]*NOT VERIFIED/);
    assert.match(
      output,
      /olivia after the rotation: a write below \/api\/admin is refused by 2 of 2 instances/,
    );
    const { verified, exposureWindowMs, instances, beside } = await summary();
    assert.deepEqual(beside.freeze, { ok: true, frozenMeanwhile: true, freeAfter: false });
    assert.deepEqual([verified, exposureWindowMs], [false, null]);
    assert.deepEqual(
      instances.map(({ proof }: { proof: string }) => proof),
      ["replayed", "unproven"],
    );
  });

  for (const [title, args, message] of [
    ["an unknown option", ["--instnaces", "3"], /instnaces/],
    ["an unknown misbehaviour", ["--misbehave", "sulk:1"], /sulk[\s\S]*keep-cache/],
    ["no instance", ["--instances", "0"], /--instances is not a whole number of 1 or more/],
    [
      "more misbehaviour than instances",
      ["--instances", "1", "--misbehave", "hang:2"],
      /names more instances/,
    ],
    [
      "a strategy without pods",
      ["--strategy", "restart"],
      /--strategy needs --kubernetes: without it there is/,
    ],
    ["an unknown mode", ["--mode", "panic"], /--mode is none of emergency, planned/],
    [
      "what belongs to an emergency, in a planned drill",
      ["--mode", "planned", "--kubernetes", "--sessions", "--freeze", "--churn"],
      /--sessions belongs to an emergency.*\n--freeze belongs to an emergency.*\n--churn belongs to an emergency/,
    ],
    ["churn without pods", ["--churn"], /--churn needs --kubernetes: plain processes do not come and go/],
    ["an unknown strategy", ["--kubernetes", "--strategy", "pray"], /--strategy is none of refresh, restart/],
  ] as const) {
    test(`${title} is refused with the usage: exit 2, nothing is started`, async (t) => {
      const { exitCode, output } = await runDrill(t, ...args);
      assert.equal(exitCode, 2);
      assert.match(output, message);
      assert.match(output, /npm run drill -- \[options\]/);
    });
  }
});
