import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { StackDeployment } from "../../scripts/lab/stack.ts";
import { scenarioFor, succeeded } from "../drill/world.ts";
import { passphrase, placeholders } from "./placeholders.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));

// Pulumi runs the closures that the state holds, not those of the program, on refresh and destroy: what they import must
// be there, under the same names, for as long as such states are.
suite("a state that an earlier version has left", async () => {
  for await (const file of glob("*.json", { cwd: folder })) {
    test(`${file} is refreshed and destroyed by the program as it is now`, async (t) => {
      const scenario = await scenarioFor(t, { instances: 1, passphrase });
      const { stack, keycloak, realm, directory } = scenario;
      await stack.setConfig({ rotation: 2, incident: "INC-2", freeze: "keycloak" });
      const kept = placeholders({ keycloak, realm, directory }).outOf(
        await readFile(`${folder}${file}`, "utf8"),
      );
      await stack.import(JSON.parse(kept) as StackDeployment);
      const before = await scenario.admin.keyComponents(realm);

      const refreshed = succeeded(await stack.refresh());
      assert.doesNotMatch(refreshed.output, /ERR_|Cannot find|is not a function/);
      const destroyed = succeeded(await stack.destroy());
      assert.match(destroyed.output, new RegExp(`realm ${realm} is forgotten`));
      assert.match(destroyed.output, /\[thaw\]/);
      assert.deepEqual(await scenario.admin.keyComponents(realm), before);
    });
  }
});
