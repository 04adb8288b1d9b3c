import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { onEveryInstance } from "#operations/fleet/instances";
import { isLive, probeEveryProcess, probeLive } from "#operations/proof/live-token";
import { type Answer, serve } from "../loopback-server.ts";
import { at, probeSettings } from "../samples.ts";
import { serveBySeveral } from "../several-processes.ts";

const settings = { ...probeSettings, clockSkewSeconds: 60 };

suite("a token", () => {
  for (const [title, now, is] of [
    ["is live while no clock may think that it has expired", 39, true],
    ["is not live any more once a clock that is fast by the skew says so", 40, false],
    ["is not live when it has expired", 100, false],
  ] as const)
    test(title, (t) => {
      t.mock.timers.enable({ apis: ["Date"], now: Date.parse(at(now)) });
      assert.equal(isLive({ expiresAt: at(100) }, settings), is);
    });
});

suite("a token that is shown to an instance", () => {
  test("an instance that does not answer is not asked over further connections", async (t) => {
    let connections = 0;
    const server = await serveBySeveral(t, { count: 4 }, (response) => {
      connections += 1;
      response.destroy();
    });
    const instance = { name: "api-1", url: server.url, connections: 8 };
    await onEveryInstance([instance], 1, (open) =>
      probeEveryProcess(open, probeSettings, "a-token", "rejected"),
    );
    assert.equal(connections, 1);
  });

  const rejects: Answer = (response) => response.writeHead(401).end();
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const expired = new Date(Date.now() - 1_000).toISOString();

  for (const [title, expiresAt, kind] of [
    ["counts while it is live", inAnHour, "rejected"],
    ["proves nothing once it may have expired", expired, "inconclusive"],
  ] as const)
    test(title, async (t) => {
      const { url } = await serve(t, rejects);
      const [asked] = await onEveryInstance([{ name: "api-1", url }], 1, (instance) =>
        probeLive(instance, settings, { token: "a-token", expiresAt }, "rejected"),
      );
      assert.equal(asked?.verdict.kind, kind);
    });
});
