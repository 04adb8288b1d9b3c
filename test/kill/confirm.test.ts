import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { suite, test } from "node:test";
import { confirm } from "../../scripts/kill/confirm.ts";
import type { KillPlan } from "../../scripts/kill/kill-plan.ts";
import { Refused } from "../../scripts/kill/refused.ts";

function planFor(...names: string[]): KillPlan {
  const realms = names.map((realm) => ({ settings: { run: { realm } }, dying: [] }));
  const plan = { realms, refused: [], leftOut: [], warnings: [], stack: "prod", incident: "INC-1" };
  return plan as unknown as KillPlan;
}

/** A terminal on which this is typed; without a text one that is none. */
function terminal(typed?: string): Parameters<typeof confirm>[2] {
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
  if (typed !== undefined) stdin.end(typed);
  return { stdin, stderr: new PassThrough() } as unknown as Parameters<typeof confirm>[2];
}

const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof Refused && pattern.test(error.message);

suite("the confirmation", () => {
  test("the realm's name is typed", async () => {
    await confirm(planFor("shop"), { confirmed: undefined }, terminal("shop\n"));
    await confirm(planFor("shop", "bank"), { confirmed: undefined }, terminal("bank, shop\n"));
  });

  for (const typed of ["yes\n", "\n", "", "shop,bank\n"]) {
    test(`${JSON.stringify(typed)} is no confirmation for realm shop`, async () => {
      const asked = confirm(planFor("shop"), { confirmed: undefined }, terminal(typed));
      await assert.rejects(asked, refused(/nothing was touched[\s\S]*not confirmed/));
    });
  }

  test("--yes names exactly the realms that are rotated", async () => {
    await confirm(planFor("shop", "bank"), { confirmed: ["shop", "bank"] }, terminal());
    const part = confirm(planFor("shop", "bank"), { confirmed: ["shop"] }, terminal());
    await assert.rejects(part, refused(/--yes names shop, and what would be rotated is shop, bank/));
    const more = confirm(planFor("shop"), { confirmed: ["shop", "bank"] }, terminal());
    await assert.rejects(more, refused(/--yes names shop, bank/));
  });

  test("without a terminal it is not asked for", async () => {
    const asked = confirm(planFor("shop"), { confirmed: undefined }, terminal());
    await assert.rejects(asked, refused(/no terminal to ask on; give --yes shop/));
  });

  test("where no realm can be rotated there is nothing to confirm", async () => {
    const plan = { ...planFor(), refused: [{ realm: "shop", problems: ["realm shop is gone"] }] };
    await assert.rejects(confirm(plan, { confirmed: [] }, terminal()), refused(/realm shop is gone/));
  });
});
