import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Instance } from "#operations/fleet/instances";
import {
  isRestartable,
  type Restarter,
  type RestartResult,
  type RestartSettings,
  restartAll,
} from "#operations/fleet/restart";
import { at } from "../samples.ts";

const settings: RestartSettings = {
  strategy: "refresh-then-restart",
  timeoutMs: 1_000,
  bootstrapPattern: "jwks",
  command: [],
  logs: [],
};
const listed: Instance = { name: "api-1", url: "https://api-1" };
const pod: Instance = { name: "pod-1", url: "http://pod-1.shop:8080", target: "shop", uid: "1" };
const quiet = { settings, after: at(0), redact: (text: string) => text, progress: () => undefined };

/** A target that restarts whatever it is given, once it may. */
function restarter(name: string, ready: Promise<void> = Promise.resolve()): Restarter {
  return {
    name,
    canRestart: ({ command }) => name === "shop" || command.length > 0,
    restart: async (candidates) => {
      await ready;
      return candidates.map(({ instance, reason }): RestartResult => {
        const times = { startedAt: at(1), finishedAt: at(2) };
        return { target: name, subject: instance.name, because: [reason], outcome: "done", ...times };
      });
    },
  };
}

suite("restartAll", () => {
  test("each target restarts its own instances, and none waits for another", async () => {
    const first = Promise.withResolvers<void>();
    const shop = restarter("shop");
    const targets = [
      restarter("static", first.promise),
      {
        ...shop,
        restart: (...given: Parameters<Restarter["restart"]>) => {
          first.resolve();
          return shop.restart(...given);
        },
      },
    ];
    const candidates = [listed, pod].map((instance) => ({ instance, reason: "keeps its cache" }));
    const results = await restartAll(candidates, { targets, ...quiet });
    assert.deepEqual(
      results.map(({ target, subject }) => `${target} ${subject}`),
      ["static api-1", "shop pod-1"],
    );
  });

  test("an instance whose target is not there is a failure, and is named", async () => {
    const [result] = await restartAll([{ instance: pod, reason: "keeps its cache" }], {
      targets: [],
      ...quiet,
    });
    assert.deepEqual([result?.subject, result?.outcome], ["pod-1", "failed"]);
    assert.match(result?.reason ?? "", /no target shop/);
  });
});

suite("isRestartable", () => {
  const targets = [restarter("static"), restarter("shop")];
  for (const [title, instance, change, expected] of [
    ["a pod", pod, {}, true],
    ["a pod under the strategy refresh", pod, { strategy: "refresh" }, false],
    ["an instance of the static list with a command", listed, { command: ["restart-api"] }, true],
    ["an instance of the static list without a command", listed, {}, false],
    ["an instance of an unknown target", { ...pod, target: "bank" }, {}, false],
  ] as const) {
    test(`${title}: ${expected}`, () => {
      const asked = { ...settings, ...change, command: [...("command" in change ? change.command : [])] };
      assert.equal(isRestartable(targets, instance, asked), expected);
    });
  }
});
