import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { examineDeadKeys } from "#operations/doctor/dead-keys";
import { realmKey } from "../samples.ts";

const disabled = (kid: string, died?: string) =>
  realmKey(kid, { status: "DISABLED", ...(died ? { died } : {}) });

suite("examineDeadKeys", () => {
  for (const [title, keys, acknowledged, seen, named] of [
    ["no key is disabled", [realmKey("a")], [], "no key is disabled", []],
    ["all were proven", [disabled("a", "proven 8")], [], "1 disabled key, all of them closed", []],
    ["one was not", [disabled("a", "proven 8"), disabled("b")], [], "1 of 2 disabled keys not proven", ["b"]],
    ["it is closed by name", [disabled("b")], ["b"], "1 disabled key, all of them closed", []],
  ] as const)
    test(title, () => {
      const examined = examineDeadKeys("shop", keys, acknowledged);
      assert.equal(examined.seen, seen);
      const kids = examined.findings.map(({ what }) => /^kid (\S+) /.exec(what)?.[1]);
      assert.deepEqual(kids, named);
      assert.ok(
        examined.findings.every(({ code, severity }) => code === "KEY_NOT_PROVEN" && severity === "problem"),
      );
    });
});
