import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { CoreV1Api } from "@kubernetes/client-node";
import { type KubernetesScenario, openKubernetesScenario } from "../../scripts/lab/kubernetes-scenario.ts";
import { clientConfig, noCluster } from "../lab/kubernetes/cluster.ts";
import { refusingUrl } from "../operations/loopback-server.ts";
import {
  evidenceOf,
  failed,
  kubernetesScenarioFor,
  patient,
  rotate,
  signingKid,
  succeeded,
} from "./world.ts";

const skip = await noCluster();
const secretName = "shop-api-refresh";

async function tokenIn({ kubernetes, namespaces: [namespace] }: KubernetesScenario): Promise<string> {
  const core = clientConfig(kubernetes.kubeconfigPath).makeApiClient(CoreV1Api);
  const { data } = await core.readNamespacedSecret({ namespace, name: secretName });
  return Buffer.from(data?.INTERNAL_JWKS_REFRESH_TOKEN ?? "", "base64").toString();
}

async function uids({ fleet }: KubernetesScenario): Promise<string[]> {
  return (await fleet.list()).map(({ uid }) => uid).toSorted();
}

suite("the Secret of the API refresh token", { skip }, () => {
  let scenario: KubernetesScenario;

  before(async () => {
    scenario = await openKubernetesScenario({ pods: 2, secret: "program", config: patient });
  });

  after(() => scenario?.dispose());

  test("the program creates it; pods that waited for it start and are proven", async () => {
    const result = succeeded(await rotate(scenario, 1, "INC-1"));
    const token = await tokenIn(scenario);
    assert.match(token, /^[0-9a-f]{64}$/);
    assert.ok(!result.output.includes(token), "the token is in the output");
    const state = JSON.stringify(await scenario.stack.export());
    assert.ok(!state.includes(token), "the token is in the plain state");
    assert.ok(
      !state.includes(Buffer.from(token).toString("base64")),
      "the token is in the plain state as base64",
    );
    const evidence = await evidenceOf(scenario, "INC-1", 1);
    assert.equal(evidence.verification?.instances.length, 2);
  });

  test("an up without a change restarts nothing", async () => {
    const before = await uids(scenario);
    succeeded(await scenario.stack.up());
    assert.deepEqual(await uids(scenario), before);
  });

  test("a bump of the token alone changes the Secret and ends with a rolling restart, and no rotation", async () => {
    const [token, pods] = [await tokenIn(scenario), await uids(scenario)];
    await scenario.stack.setConfig({ apiRefreshTokenVersion: 2 });
    const result = succeeded(await scenario.stack.up());
    assert.notEqual(await tokenIn(scenario), token);
    assert.ok(
      (await uids(scenario)).every((uid) => !pods.includes(uid)),
      "a pod was not restarted",
    );
    assert.match(
      result.output,
      /\[token\] restarted deployment\/shop-api; 2 pods of target \S+ accept the API refresh token/,
    );
    assert.doesNotMatch(result.output, /\[canary\]/);
  });

  test("with a rotation in the same up, the running pods are refreshed with the token that they have", async () => {
    const [token, pods] = [await tokenIn(scenario), await uids(scenario)];
    await scenario.stack.setConfig({ apiRefreshTokenVersion: 3 });
    const { output } = succeeded(await rotate(scenario, 2, "INC-2"));
    const evidence = await evidenceOf(scenario, "INC-2", 2);
    assert.deepEqual(
      evidence.refresh.map(({ outcome }) => outcome),
      ["claimed", "claimed"],
    );
    const proven = evidence.verification?.instances.map(({ uid, proof }) => [uid, proof]);
    assert.deepEqual(
      proven?.toSorted(),
      pods.map((uid) => [uid, "replayed"]),
    );
    assert.notEqual(await tokenIn(scenario), token);
    assert.ok(
      (await uids(scenario)).every((uid) => !pods.includes(uid)),
      "a pod was not restarted",
    );
    assert.ok(output.indexOf("[verify]") < output.indexOf("[token] restart"), "the restart came first");
  });

  test("a pod with a wrong token is named with its 401, and a restart fixes it", async () => {
    const [pod] = await scenario.fleet.list();
    assert.ok(pod);
    await pod.misbehave("wrong-token");
    await scenario.stack.setConfig({ restart: { strategy: "refresh" } });
    const red = failed(await rotate(scenario, 3, "INC-3"));
    assert.match(
      red.output,
      new RegExp(`${pod.name} still accepts kid .* does not accept this API refresh token`),
    );
    await scenario.stack.setConfig({ restart: {} });
    succeeded(await scenario.stack.up());
    const evidence = await evidenceOf(scenario, "INC-3", 3);
    assert.match(evidence.restarts[0]?.because.join() ?? "", /HTTP 401/);
  });

  test("a Secret that somebody changed is reported by the drift check, and the command that it prints fixes it", async () => {
    const { stack, kubernetes, namespaces } = scenario;
    assert.equal((await stack.script("drift")).stdout.match(/: clean\n/)?.length, 1);
    const token = await tokenIn(scenario);
    const altered = Buffer.from("somebody-elses-token-0123").toString("base64");
    const [namespace = ""] = namespaces;
    const core = clientConfig(kubernetes.kubeconfigPath).makeApiClient(CoreV1Api);
    const body = [{ op: "replace", path: "/data", value: { INTERNAL_JWKS_REFRESH_TOKEN: altered } }];
    await core.patchNamespacedSecret({ name: secretName, namespace, body });
    const { exitCode, stdout } = await stack.script("drift");
    assert.equal(exitCode, 2, stdout);
    assert.match(
      stdout,
      new RegExp(`SECRET_ALTERED\\n  Secret ${namespace}/${secretName} .* has another token\\n`),
    );
    assert.match(stdout, /fix: {3}pulumi up --refresh --stack drill\n/);
    assert.ok(!stdout.includes(token) && !stdout.includes("somebody-elses"));
    succeeded(await stack.up(["--refresh"]));
    assert.equal(await tokenIn(scenario), token);
    assert.equal((await stack.script("drift")).exitCode, 0);
  });

  test("with the cluster down, an emergency goes on even with --refresh: the key dies, and the run is red", async () => {
    const { stack, kubernetes, directory, admin, realm } = scenario;
    const stolen = await signingKid(scenario);
    const text = await readFile(kubernetes.kubeconfigPath, "utf8");
    const down = join(directory, "down.yaml");
    const server = (await refusingUrl()).replace("http:", "https:");
    await writeFile(down, text.replace(/server: .*/, `server: ${server}`), { mode: 0o600 });
    await scenario.rotateTo(4, "INC-4", { "kubernetes:kubeconfig": down });
    const { output } = failed(await stack.up(["--refresh"]));
    assert.match(output, /KUBERNETES_UNREACHABLE|VERIFICATION_FAILED/);
    assert.ok(!(await admin.publishedKids(realm)).includes(stolen), output);
    await stack.setConfig({ "kubernetes:kubeconfig": kubernetes.kubeconfigPath });
    succeeded(await rotate(scenario, 5, "INC-4"));
  });

  test("destroy keeps the Secret, because pods could not start without it", async () => {
    const token = await tokenIn(scenario);
    succeeded(await scenario.stack.destroy());
    assert.equal(await tokenIn(scenario), token);
  });
});

suite("a Secret that exists already", { skip }, () => {
  test("it is adopted with its token, without a restart; unadopted it is refused before anything is touched", async (t) => {
    const scenario = await kubernetesScenarioFor(t, { pods: 2, secret: "adopted", kubeconfig: "contents" });
    const { namespaces, stack } = scenario;
    const [token, pods] = [await tokenIn(scenario), await uids(scenario)];
    const target = (adopt: boolean) => ({
      kubernetes: {
        namespace: namespaces[0],
        selector: "app=shop-api",
        port: 8080,
        workloads: ["deployment/shop-api"],
        secret: { name: secretName, adopt },
      },
    });
    await stack.setConfig({ targets: [target(false)] });
    const refused = failed(await rotate(scenario, 1, "INC-1"));
    assert.match(refused.output, /SECRET_EXISTS/);
    assert.doesNotMatch(refused.output, /\[canary\]/);
    await stack.setConfig({ targets: [target(true)] });
    const { output } = succeeded(await rotate(scenario, 1, "INC-1"));
    assert.equal(await tokenIn(scenario), token);
    assert.deepEqual(await uids(scenario), pods);
    const texts = [output, JSON.stringify(await stack.export())];
    assert.ok(texts.every((text) => !text.includes(token) && !/client-key-data|BEGIN CERT/.test(text)));
    await stack.setConfig({ apiRefreshTokenVersion: 2 });
    succeeded(await stack.up());
    assert.notEqual(await tokenIn(scenario), token);
    assert.ok(
      (await uids(scenario)).every((uid) => !pods.includes(uid)),
      "a pod was not restarted",
    );
  });
});
