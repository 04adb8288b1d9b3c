import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { parse } from "yaml";
import type { KubernetesScenario } from "../../scripts/lab/kubernetes-scenario.ts";
import { noCluster } from "../lab/kubernetes/cluster.ts";
import { grant, shippedGroup, shippedRole } from "../operations/fleet/kubernetes/shipped-role.ts";
import { kubernetesScenarioFor, succeeded } from "./world.ts";

const skip = await noCluster();

interface Found {
  code: string;
  severity: string;
  what: string;
}

/** Runs `npm run doctor` over the pods, with a target that is changed like this; gives its findings. */
async function doctor(t: TestContext, scenario: KubernetesScenario, change: object = {}) {
  const directory = await mkdtemp(join(tmpdir(), "doctor-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [namespace] = scenario.namespaces;
  const own = { namespace, selector: "app=shop-api", port: "http", workloads: ["deployment/shop-api"] };
  await scenario.stack.setConfig({ targets: [{ kubernetes: { ...own, ...change } }] });
  const json = join(directory, "doctor.json");
  const { exitCode, output } = await scenario.stack.script("doctor", ["--json", json]);
  const { findings } = JSON.parse(await readFile(json, "utf8")) as { findings: Found[] };
  const found = findings.map(({ severity, code }) => `${severity} ${code}`);
  return { exitCode, output, findings, found };
}

suite("npm run doctor over pods", { skip }, () => {
  test("a sound cluster is ready; no pods, a login that fails or is by this realm, and missing rights are found", async (t) => {
    const scenario = await kubernetesScenarioFor(t, { pods: 2, config: { mode: "planned", rotation: 1 } });
    succeeded(await scenario.stack.up());
    const sound = await doctor(t, scenario);
    assert.deepEqual([sound.exitCode, sound.found], [0, []], sound.output);
    assert.match(sound.output, /2 of 2 accept a good token and refuse a forged and an expired one/);

    const empty = await doctor(t, scenario, { selector: "app=nobody" });
    assert.deepEqual(empty.found, ["problem NO_INSTANCES", "unknown NOT_CHECKED"], empty.output);
    assert.equal(empty.exitCode, 1);

    const given = parse(await readFile(scenario.kubernetes.kubeconfigPath, "utf8"));
    const kubeconfig = join(scenario.directory, "kubeconfig");
    const loginWith = (user: object) =>
      writeFile(kubeconfig, JSON.stringify({ ...given, users: [{ ...given.users[0], user }] }));
    const plugin = (script: string, ...args: string[]) => ({
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: process.execPath,
        args: ["-e", script, "--", ...args],
      },
    });
    await loginWith({ token: "of-nobody" });
    const unknown = await doctor(t, scenario, { kubeconfig });
    assert.deepEqual(
      unknown.found,
      ["problem KUBERNETES_LOGIN_REFUSED", "unknown NOT_CHECKED"],
      unknown.output,
    );
    await loginWith(plugin("process.exit(3)"));
    const broken = await doctor(t, scenario, { kubeconfig });
    assert.deepEqual(broken.found, ["problem LOGIN_FAILED", "unknown NOT_CHECKED"], broken.output);
    const credential = {
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: given.users[0].user,
    };
    const issuer = scenario.admin.issuer(scenario.realm);
    const script = `console.log(${JSON.stringify(JSON.stringify(credential))})`;
    await loginWith(plugin(script, `--oidc-issuer-url=${issuer}`));
    const own = await doctor(t, scenario, { kubeconfig });
    assert.deepEqual([own.exitCode, own.found], [0, ["warning LOGIN_BY_THIS_REALM"]], own.output);

    const [namespace] = scenario.namespaces;
    const { role } = await shippedRole();
    const rules = role.rules.map((rule) => ({
      ...rule,
      verbs: rule.verbs.filter((verb) => verb !== "patch"),
    }));
    await grant(scenario.kubernetes, namespace, rules);
    const user = await scenario.kubernetes.kubeconfigFor({ user: "jo", groups: [shippedGroup] }, namespace);
    const powerless = await doctor(t, scenario, { kubeconfig: user.kubeconfigPath });
    assert.deepEqual(powerless.found, ["problem KUBERNETES_FORBIDDEN"], powerless.output);
    assert.match(powerless.findings[0]?.what ?? "", /may not patch deployments shop-api in namespace/);
  });
});
