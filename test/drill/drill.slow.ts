import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { evidenceSchema } from "#operations/evidence/evidence-schema";
import { runDrill } from "./run-drill.ts";

suite("npm run drill", () => {
  test("a healthy fleet is verified: exit 0, a machine-readable summary, a report for people", async (t) => {
    const { exitCode, output, summary, directory } = await runDrill(t, "--instances", "2");
    assert.equal(exitCode, 0, output);
    assert.match(
      output,
      /accepted by 2 of 2 instances[\s\S]*stolen tokens are now accepted by 0 of 2 instances, and refused by Keycloak/,
    );
    const { engine, verified, timeToDeadMs, exposureWindowMs, instances, phases } = await summary();
    assert.ok(timeToDeadMs > 0);
    assert.match(output, /time to dead: [\d.]+ s/);
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
      ["canary", "publish", "cut-over", "enforce", "verify", "watch"],
    );
    for (const { startedAt, finishedAt } of phases) assert.ok(startedAt <= finishedAt);
    assert.match(
      await readFile(join(directory, "evidence", "DRILL-THEFT", "2", "report.md"), "utf8"),
      /VERIFIED/,
    );
  });

  test("a stolen session and a working administrator are shown before, during and after the rotation: exit 0", async (t) => {
    const { exitCode, output, summary } = await runDrill(t, "--instances", "2", "--sessions", "--freeze");
    assert.equal(exitCode, 0, output);
    assert.match(output, /alicia: its refresh token gives new tokens, and 2 of 2 instances accept them/);
    assert.match(
      output,
      /olivia: a write to \/api\/admin is accepted by 2 of 2 instances, and Keycloak accepts/,
    );
    assert.match(
      output,
      /admin +a write to \/api\/admin is refused by 2 of 2 instances \(423\), and Keycloak refu/,
    );
    assert.match(output, /│ Deny-list │/);
    assert.match(output, /alicia's session: Keycloak refuses to refresh it/);
    assert.match(
      output,
      /the thief's token of the new key, valid .*: refused by 2 of 2 instances \(403, deny-list\)/,
    );
    assert.match(output, /bob's session, which is not listed: .* 2 of 2 instances accept them/);
    assert.match(
      output,
      /olivia after the rotation: a write to \/api\/admin is accepted by 2 of 2 instances/,
    );
    const { verified, demos, instances } = await summary();
    assert.equal(verified, true);
    assert.deepEqual(demos, {
      sessions: { ok: true, refreshRefused: true, tokenOfNewKeyDenied: true, unlistedLives: true },
      freeze: { ok: true, frozenMeanwhile: true, freeAfter: true },
    });
    assert.deepEqual(
      instances.map(({ denyList }: { denyList: boolean | null }) => denyList),
      [true, true],
    );
  });

  test("an instance that keeps its cache makes the drill fail: exit 1, the instance is named, the freeze stays", async (t) => {
    const args = ["--instances", "2", "--misbehave", "keep-cache:1", "--freeze"];
    const { exitCode, output, summary } = await runDrill(t, ...args);
    assert.equal(exitCode, 1, output);
    assert.match(output, /api-2 still accepts kid[\s\S]*NOT VERIFIED/);
    assert.match(output, /olivia after the rotation: a write to \/api\/admin is refused by 2 of 2 instances/);
    const { verified, exposureWindowMs, instances, demos } = await summary();
    assert.deepEqual(demos.freeze, { ok: true, frozenMeanwhile: true, freeAfter: false });
    assert.deepEqual([verified, exposureWindowMs], [false, null]);
    assert.deepEqual(
      instances.map(({ proof }: { proof: string }) => proof),
      ["replayed", "unproven"],
    );
  });

  test("instances of four processes, of which a refresh reaches one, are verified: each process is refreshed and asked", async (t) => {
    const misbehave = ["--misbehave", "prefork:4", "--misbehave", "workers:4"];
    const { exitCode, output, directory } = await runDrill(t, "--instances", "2", ...misbehave);
    assert.equal(exitCode, 0, output);
    assert.match(output, /api-2 will misbehave: prefork:4[\s\S]*api-1 will misbehave: workers:4/);
    assert.match(output, /the stolen tokens are now accepted by 0 of 2 instances[\s\S]*\nVERIFIED/);
    const file = join(directory, "evidence", "DRILL-THEFT", "2", "evidence.json");
    const { refresh } = evidenceSchema.parse(JSON.parse(await readFile(file, "utf8")));
    assert.deepEqual(
      refresh.map(({ instance, reached }) => [instance, reached?.announced, reached?.processes?.length]),
      [
        ["api-1", 4, 4],
        ["api-2", undefined, undefined],
      ],
    );
  });

  for (const [title, args, message] of [
    ["an unknown option", ["--instnaces", "3"], /instnaces/],
    ["an unknown misbehaviour", ["--misbehave", "sulk:1"], /sulk[\s\S]*keep-cache/],
    [
      "a preforking instance of one process",
      ["--misbehave", "prefork:1"],
      /prefork:COUNT.*2 to 32 processes of one instance/,
    ],
    ["no instance", ["--instances", "0"], /--instances must be a whole number of 1 or more/],
    [
      "more misbehaviour than instances",
      ["--instances", "1", "--misbehave", "hang:2"],
      /asks for more instances/,
    ],
    [
      "a strategy without pods",
      ["--strategy", "restart"],
      /--strategy needs --kubernetes: plain processes are not a workload/,
    ],
    ["an unknown mode", ["--mode", "panic"], /--mode must be one of emergency, planned/],
    [
      "an option that works in emergency mode only, in a planned drill,",
      ["--mode", "planned", "--kubernetes", "--sessions", "--freeze", "--churn"],
      /--sessions works in emergency mode only.*\n--freeze works in emergency mode only.*\n--churn works in emergency mode only/,
    ],
    ["churn without pods", ["--churn"], /--churn needs --kubernetes: plain processes are not scaled/],
    [
      "an unknown strategy",
      ["--kubernetes", "--strategy", "pray"],
      /--strategy must be one of refresh, restart/,
    ],
  ] as const) {
    test(`${title} is refused with the usage: exit 2, nothing is started`, async (t) => {
      const { exitCode, output } = await runDrill(t, ...args);
      assert.equal(exitCode, 2);
      assert.match(output, message);
      assert.match(output, /npm run drill -- \[options\]/);
    });
  }
});
