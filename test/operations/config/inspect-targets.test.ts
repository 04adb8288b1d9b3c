import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { inspectTargets } from "#operations/config/inspect-targets";
import { settingsShape } from "#operations/config/settings-shape";
import { refusingUrl } from "../loopback-server.ts";

const { targets, restart } = settingsShape.shape;
const refreshFirst = restart.parse(undefined);
const restartAll = { ...refreshFirst, strategy: "restart" } as const;

/** A kubeconfig whose cluster gives no answer. */
async function silentCluster(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "inspect-targets-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, "kubeconfig");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "silent", cluster: { server: (await refusingUrl()).replace("http:", "https:") } }],
    users: [{ name: "jo", user: { token: "token-of-jo-0123456789" } }],
    contexts: [{ name: "silent", context: { cluster: "silent", user: "jo" } }],
    "current-context": "silent",
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

const pods = (kubeconfig: string, more: object = {}) =>
  targets.parse([{ kubernetes: { namespace: "shop", selector: "app=a", port: 80, kubeconfig, ...more } }]);

suite("inspectTargets", () => {
  test("a cluster that gives no answer is warned of and is no problem: the key must be able to die", async (t) => {
    const { problems, warnings } = await inspectTargets(pods(await silentCluster(t)), refreshFirst);
    assert.deepEqual(problems, []);
    assert.match(warnings.join(), /^KUBERNETES_UNREACHABLE: target shop: .*ECONNREFUSED/);
  });

  test("a kubeconfig that is not there and a context that is not in it are problems", async (t) => {
    const gone = await inspectTargets(pods("/no/such/file"), refreshFirst);
    assert.match(gone.problems.join(), /^KUBECONFIG_INVALID: target shop: the kubeconfig can't be read/);
    const wrong = await inspectTargets(pods(await silentCluster(t), { context: "none" }), refreshFirst);
    assert.match(wrong.problems.join(), /has no context none/);
  });

  test("what needs a restart and can't have one is told: no workloads, no command", async (t) => {
    const kubeconfig = await silentCluster(t);
    const strategy = await inspectTargets(pods(kubeconfig), restartAll);
    assert.match(strategy.problems.join(), /target shop lists no workloads, and the strategy restart/);
    const secret = await inspectTargets(pods(kubeconfig, { secret: { name: "token" } }), refreshFirst);
    assert.match(secret.problems.join(), /target shop lists no workloads, and a new API refresh token/);
    const listed = await inspectTargets(targets.parse(["https://api-1.example.com"]), restartAll);
    assert.match(listed.problems.join(), /^restart\.command: the strategy restart needs it/);
  });

  test("no problem names a credential", async (t) => {
    const { warnings } = await inspectTargets(pods(await silentCluster(t)), refreshFirst);
    assert.doesNotMatch(warnings.join(), /token-of-jo/);
  });
});
