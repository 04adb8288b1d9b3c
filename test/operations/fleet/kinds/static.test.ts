import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { staticKind } from "#operations/fleet/kinds/static";
import { refusingUrl, serve } from "../../loopback-server.ts";

const open = (...urls: string[]) =>
  staticKind.open({
    kind: "static",
    name: "static",
    instances: urls.map((url, index) => ({ name: `api-${index + 1}`, url })),
  });

suite("a list of URLs", () => {
  test("an instance is unreachable if its port accepts no connection, and is sent nothing otherwise", async (t) => {
    const api = await serve(t, (response) => response.end());
    const target = await open(api.url, await refusingUrl());
    assert.deepEqual(await target.reach(2_000), { instances: 2, unreachable: ["api-2"] });
    assert.deepEqual(api.received, []);
  });

  test("the strategy restart needs a command", async () => {
    const target = await open("https://api-1");
    const { problems } = await target.inspect({ strategy: "restart", command: [] });
    assert.match(problems.join(), /^restart\.command: the strategy restart needs it/);
    for (const settings of [
      { strategy: "restart", command: ["restart-api"] },
      { strategy: "refresh-then-restart", command: [] },
    ] as const) {
      const { strategy, command } = settings;
      assert.deepEqual(await target.inspect({ strategy, command: [...command] }), {
        problems: [],
        missingRights: [],
        warnings: [],
      });
    }
  });

  test("the command that fixes an instance calls its refresh, without the token among the arguments", async () => {
    const target = await open("https://api-1/base");
    const [instance] = (await target.list(0)).ready;
    assert.ok(instance);
    const command = await target.fixCommand(instance, { refreshPath: "/internal/refresh", stack: "prod" });
    assert.equal(
      command,
      "pulumi stack output apiRefreshToken --show-secrets --stack prod | sed 's/^/Authorization: Bearer /' | curl --fail -X POST -H @- 'https://api-1/base/internal/refresh'",
    );
  });
});
