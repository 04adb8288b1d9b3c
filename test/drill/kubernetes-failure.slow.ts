import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type KubernetesScenario, openKubernetesScenario } from "../../scripts/lab/kubernetes-scenario.ts";
import { noCluster } from "../lab/kubernetes/cluster.ts";
import { grant, shippedGroup, shippedRole } from "../operations/fleet/kubernetes/shipped-role.ts";
import { refusingUrl } from "../operations/loopback-server.ts";
import { evidenceOf, failed, patient, rotate, signingKid, succeeded } from "./world.ts";

const skip = await noCluster();

suite("failing clusters", { skip }, () => {
  let scenario: KubernetesScenario;
  let rotation = 0;

  before(async () => {
    scenario = await openKubernetesScenario({
      pods: 1,
      targets: 2,
      kubeconfig: "target",
      config: patient,
    });
  });

  after(() => scenario?.dispose());

  const next = () => {
    rotation += 1;
    return rotate(scenario, rotation, `INC-${rotation}`);
  };
  const targets = (change: (index: number) => Record<string, unknown>) => ({
    targets: scenario.namespaces.map((namespace, index) => ({
      kubernetes: {
        namespace,
        selector: "app=shop-api",
        port: "http",
        workloads: ["deployment/shop-api"],
        kubeconfig: scenario.kubernetes.kubeconfigPath,
        ...change(index),
      },
    })),
  });
  /** A copy of the kubeconfig with some text changed. */
  const kubeconfig = async (name: string, edit: (text: string) => string) => {
    const path = join(scenario.directory, name);
    await writeFile(path, edit(await readFile(scenario.kubernetes.kubeconfigPath, "utf8")), { mode: 0o600 });
    return path;
  };
  const second = (change: Record<string, unknown>) =>
    scenario.stack.setConfig(targets((index) => (index === 1 ? change : {})));

  test("two targets are rotated, verified and evidenced as one", async () => {
    succeeded(await next());
    const evidence = await evidenceOf(scenario, "INC-1", 1);
    const targets = evidence.verification?.instances.map(({ target }) => target).toSorted();
    assert.deepEqual(targets, [...scenario.namespaces].toSorted());
  });

  test("in an emergency, a wrong context, expired credentials and a selector without pods are named, and the key dies all the same", async () => {
    const before = await signingKid(scenario);
    rotation += 1;
    await scenario.rotateTo(rotation, `INC-${rotation}`);
    await second({ context: "no-such-context" });
    assert.match(
      failed(await scenario.stack.up()).output,
      /KUBECONFIG_INVALID: .*no context no-such-context/,
    );
    const expired = await kubeconfig("expired", (text) =>
      text.replace(/token: .*/, "token: expired-0123456789"),
    );
    await second({ kubeconfig: expired });
    const refused = failed(await scenario.stack.up()).output;
    assert.match(refused, /KUBERNETES_LOGIN_REFUSED: target \S+: .*renew/);
    assert.doesNotMatch(refused, /expired-0123456789/);
    await second({ selector: "app=nobody" });
    assert.match(failed(await scenario.stack.up()).output, /NO_INSTANCES: target \S+ has no instance/);
    assert.ok(!(await scenario.admin.publishedKids(scenario.realm)).includes(before));
    await second({});
    // Its pods were never shown a canary token: only a restart, or the next rotation, can prove them.
    failed(await scenario.stack.up());
    succeeded(await next());
  });

  test("a cluster that does not answer makes the run red; the results of the other one are kept", async () => {
    const server = (await refusingUrl()).replace("http:", "https:");
    const dead = await kubeconfig("dead", (text) => text.replace(/server: .*/, `server: ${server}`));
    await second({ kubeconfig: dead });
    const { output } = failed(await next());
    assert.match(output, /KUBERNETES_UNREACHABLE: target \S+: the API server gives no answer/);
    const evidence = await evidenceOf(scenario, `INC-${rotation}`, rotation);
    const kept = evidence.verification?.instances.map(({ target, verified }) => [target, verified]);
    assert.deepEqual(kept, [[scenario.namespaces[0], true]]);
    assert.equal(evidence.verification?.unseen.length, 1);
    assert.equal(evidence.exposureWindow, undefined);
    await second({});
    succeeded(await scenario.stack.up());
    const healed = await evidenceOf(scenario, `INC-${rotation}`, rotation);
    assert.equal(healed.verification?.instances.filter(({ verified }) => verified).length, 2);
  });

  test("the shipped Role is enough for a run; a missing verb is named, in planned mode before anything is touched", async () => {
    const [namespace] = scenario.namespaces;
    const { kubernetes } = scenario;
    const { kubeconfigPath } = await kubernetes.kubeconfigFor({ user: "jo", groups: [shippedGroup] });
    const { rules } = (await shippedRole()).role;
    await grant(kubernetes, namespace, rules);
    const [first] = targets(() => ({ kubeconfig: kubeconfigPath })).targets;
    await scenario.stack.setConfig({ targets: [first], restart: { strategy: "restart" } });
    succeeded(await next());
    const watchless = rules.map((rule) => ({
      ...rule,
      verbs: rule.verbs.filter((verb) => verb !== "watch"),
    }));
    await grant(kubernetes, namespace, watchless);
    rotation += 1;
    const forbidden = /KUBERNETES_FORBIDDEN: target \S+: the kubeconfig's user may not watch pods/;
    await scenario.rotateTo(rotation, `INC-${rotation}`);
    assert.match((await scenario.stack.preview()).output, forbidden);
    await scenario.stack.setConfig({ mode: "planned" });
    const { output } = failed(await scenario.stack.up());
    assert.match(output, forbidden);
    assert.doesNotMatch(output, /\[canary\]/);
  });
});
