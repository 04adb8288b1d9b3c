import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RotationError } from "#operations/base/errors";
import { connectDirectly, type Instance } from "#operations/fleet/instances";
import { emptyTargets, type SweepOptions, sweep } from "#operations/fleet/sweep";
import type { ListedTarget, Roster } from "#operations/fleet/target-kind";

function pod(name: string, change: { uid?: string; notReady?: string } = {}): Instance {
  return { name, url: `http://${name}.shop:8080`, target: "shop", uid: `uid-${name}`, ...change };
}

type Look = Partial<Pick<Roster, "ready" | "waiting">> | RotationError;

/** A target that shows one look after the other, and the last one for ever. */
function looks(...list: Look[]): [ListedTarget & { changes: number }] {
  let index = 0;
  const target = {
    name: "shop",
    changes: 0,
    list: async () => {
      const look = list[Math.min(index, list.length - 1)];
      index += 1;
      if (look instanceof RotationError) throw look;
      const changed = async () => {
        target.changes += 1;
      };
      return { ready: [], waiting: [], changed, ...look };
    },
    connect: connectDirectly,
  };
  return [target];
}

const options: SweepOptions = { concurrency: 4, readyTimeoutMs: 60_000 };
const nameOf = async ({ name }: Instance) => name;
const names = (list: readonly { instance: Instance }[]) => list.map(({ instance }) => instance.name);
const unreachable = new RotationError("KUBERNETES_UNREACHABLE", "no answer", { nextStep: "wait" });

suite("sweep", () => {
  test("a pod that appears while the others are worked on gets its turn too, each once", async () => {
    const [a, b, c] = [pod("a"), pod("b"), pod("c")];
    const worked: string[] = [];
    const targets = looks({ ready: [a, b] }, { ready: [a, b, c] });
    const { results } = await sweep(targets, options, async ({ name }) => worked.push(name));
    assert.deepEqual(
      [names(results), worked],
      [
        ["a", "b", "c"],
        ["a", "b", "c"],
      ],
    );
  });

  test("a pod that has ended since then is not a result, and is named", async () => {
    const targets = looks({ ready: [pod("a"), pod("b")] }, { ready: [pod("b")] });
    const { results, departed } = await sweep(targets, options, nameOf);
    assert.deepEqual([names(results), departed.map(({ name }) => name)], [["b"], ["a"]]);
  });

  test("a later pod with the same name is another instance", async () => {
    const targets = looks({ ready: [pod("api-0", { uid: "1" })] }, { ready: [pod("api-0", { uid: "2" })] });
    const { results, departed } = await sweep(targets, options, async ({ uid }) => uid);
    assert.deepEqual([results.map(({ value }) => value), departed.length], [["2"], 1]);
  });

  test("the sweep waits for a pod that is not ready, and works on it once it is", async () => {
    const lines: string[] = [];
    const targets = looks(
      { ready: [pod("a")], waiting: [pod("b", { notReady: "ContainersNotReady" })] },
      {
        ready: [pod("a")],
        waiting: [pod("b", { notReady: "ContainersNotReady" })],
      },
      { ready: [pod("a"), pod("b")] },
    );
    const { results } = await sweep(targets, { ...options, progress: (line) => lines.push(line) }, nameOf);
    assert.deepEqual([names(results), targets[0].changes], [["a", "b"], 1]);
    assert.deepEqual(lines, ["waiting for b (ContainersNotReady)"]);
  });

  test("a pod that never gets ready is still worked on when the time is up", async () => {
    const targets = looks({ waiting: [pod("b", { notReady: "CrashLoopBackOff" })] });
    const { results } = await sweep(targets, { ...options, readyTimeoutMs: 0, overdue: "ask" }, nameOf);
    assert.deepEqual(names(results), ["b"]);
  });

  test("without a time to wait, pods that are not ready are left out and named", async () => {
    const targets = looks({ ready: [pod("a")], waiting: [pod("b", { notReady: "Pending" })] });
    const { results, waiting } = await sweep(targets, { ...options, readyTimeoutMs: 0 }, nameOf);
    assert.deepEqual([names(results), waiting.map(({ name }) => name)], [["a"], ["b"]]);
  });

  test("results of a target that can no longer be looked at are kept, together with the failure", async () => {
    const targets = looks({ ready: [pod("a")] }, unreachable);
    const { results, failures } = await sweep(targets, options, nameOf);
    assert.deepEqual([names(results), failures.map(({ target }) => target)], [["a"], ["shop"]]);
  });

  test("instances that need no work are skipped", async () => {
    const targets = looks({ ready: [pod("a"), pod("b")] });
    const skip = ({ name }: Instance) => name === "a";
    assert.deepEqual(names((await sweep(targets, { ...options, skip }, nameOf)).results), ["b"]);
  });

  test("a target that gives no answer does not keep another one waiting", async () => {
    const [good] = looks({ ready: [pod("a")] });
    const answer = Promise.withResolvers<never>();
    const [slow] = looks({});
    const worked = Promise.withResolvers<void>();
    const swept = sweep(
      [{ ...slow, name: "slow", list: () => answer.promise }, good],
      options,
      async ({ name }) => {
        worked.resolve();
        return name;
      },
    );
    await worked.promise;
    answer.reject(unreachable);
    const { results, failures } = await swept;
    assert.deepEqual([names(results), failures.map(({ target }) => target)], [["a"], ["slow"]]);
  });

  test("a sweep whose list never gets stable still ends, as a failure", async () => {
    let count = 0;
    const [target] = looks({});
    const list = async () => {
      count += 1;
      return { ready: [pod(`pod-${count}`)], waiting: [], changed: async () => {} };
    };
    const targets = [{ ...target, list }];
    const { failures } = await sweep(targets, options, nameOf);
    assert.equal(failures[0]?.error.code, "PODS_NOT_STABLE");
  });
});

suite("emptyTargets", () => {
  const targets = [{ name: "static" }, { name: "shop" }, { name: "bank" }];
  const namesOf = (list: readonly { name: string }[]) => list.map(({ name }) => name);

  test("are those without an instance that could be looked at", () => {
    const found = [{ name: "api-1", url: "https://api-1" }, pod("a")];
    assert.deepEqual(namesOf(emptyTargets(targets, found, [])), ["bank"]);
    assert.deepEqual(namesOf(emptyTargets(targets, [], [{ target: "shop" }])), ["static", "bank"]);
  });

  test("are none if every target has an instance or says why it could not be looked at", () => {
    assert.deepEqual(emptyTargets(targets.slice(1), [pod("a")], [{ target: "bank" }]), []);
  });
});
