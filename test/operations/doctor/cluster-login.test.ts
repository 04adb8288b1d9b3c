import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { examineClusters, judgeLogin, loginsByRealm } from "#operations/doctor/cluster-login";
import type { Target } from "#operations/fleet/targets";
import { sendJson, serve } from "../loopback-server.ts";

const issuer = "https://sso.example.com/realms/shop";
const target = { name: "shop", workloads: [] as string[] };
const restart = { strategy: "refresh-then-restart", command: [] } as const;
const question = { realm: "shop", budgetSeconds: 5, restart: { ...restart, command: [] } };
const codes = (findings: { severity: string; code: string }[]) =>
  findings.map(({ severity, code }) => `${severity} ${code}`);

/** A kubeconfig whose login plugin prints a token, and whose API server allows only what it is told to. */
async function clusterOf(t: TestContext, allowed: boolean, ...args: string[]): Promise<Target> {
  const server = await serve(t, (response) => sendJson(response, 201, { status: { allowed } }));
  const directory = await mkdtemp(join(tmpdir(), "cluster-login-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const apiVersion = "client.authentication.k8s.io/v1";
  const credential = { apiVersion, kind: "ExecCredential", status: { token: "plugin-token" } };
  const script = `console.log(${JSON.stringify(JSON.stringify(credential))})`;
  const exec = { apiVersion, command: process.execPath, args: ["-e", script, "--", ...args] };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "lab", cluster: { server: server.url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "jo", user: { exec } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "jo" } }],
    "current-context": "lab",
  };
  const kubeconfig = join(directory, "kubeconfig");
  await writeFile(kubeconfig, JSON.stringify(config));
  return {
    kind: "kubernetes",
    name: "shop",
    namespace: "shop",
    selector: "app=shop-api",
    port: 8080,
    scheme: "http",
    workloads: [],
    transport: "port-forward",
    readyTimeoutMs: 1_000,
    kubeconfig,
  };
}

suite("the login to a cluster", () => {
  test("one that takes longer than the budget costs the proof, or minutes where pods may be restarted", () => {
    assert.deepEqual(judgeLogin(target, 5_000, question), []);
    assert.deepEqual(codes(judgeLogin(target, 6_000, question)), ["problem LOGIN_SLOW"]);
    const restartable = { ...target, workloads: ["deployment/shop-api"] };
    assert.deepEqual(codes(judgeLogin(restartable, 6_000, question)), ["warning LOGIN_SLOW"]);
    const never = { ...question, restart: { strategy: "refresh" as const, command: [] } };
    assert.deepEqual(codes(judgeLogin(restartable, 6_000, never)), ["problem LOGIN_SLOW"]);
  });

  for (const [where, user] of [
    ["kubelogin's argument", { exec: { args: ["oidc-login", "get-token", `--oidc-issuer-url=${issuer}`] } }],
    ["an argument of its own", { exec: { args: ["--oidc-issuer-url", `${issuer}/`] } }],
    ["the plugin's environment", { exec: { env: [{ name: "OIDC_ISSUER", value: issuer }] } }],
    ["an auth provider", { authProvider: { name: "oidc", config: { "idp-issuer-url": issuer } } }],
  ] as const) {
    test(`one by the realm that is rotated is found in ${where}`, () => {
      assert.deepEqual(codes(loginsByRealm(target, user, "shop", [issuer])), ["warning LOGIN_BY_THIS_REALM"]);
    });
  }

  test("one by another realm, by a token or by nobody is fine", () => {
    const other = { exec: { args: [`--oidc-issuer-url=${issuer}-admins`] } };
    for (const user of [other, {}, null]) assert.deepEqual(loginsByRealm(target, user, "shop", [issuer]), []);
  });

  test("its plugin is run, and the rights that a run needs are asked for", async (t) => {
    const issuers = async () => [issuer];
    const own = await clusterOf(t, true, `--oidc-issuer-url=${issuer}`);
    const examined = await examineClusters([own], { ...question, issuers });
    assert.deepEqual(codes(examined?.examined.findings ?? []), ["warning LOGIN_BY_THIS_REALM"]);
    assert.match(examined?.examined.seen ?? "", /^shop: login took \d+\.\d s$/);
    const powerless = await examineClusters([await clusterOf(t, false)], { ...question, issuers });
    assert.deepEqual(codes(powerless?.examined.findings ?? []), ["problem KUBERNETES_FORBIDDEN"]);
    assert.match(
      powerless?.examined.findings[0]?.what ?? "",
      /may not list pods in namespace shop, may not watch pods/,
    );
  });

  test("a plugin that fails is said so, without what it has printed, and its pods are not complained of again", async (t) => {
    const failing = await clusterOf(t, true);
    assert.ok(failing.kind === "kubernetes" && failing.kubeconfig);
    const config = await readFile(failing.kubeconfig, "utf8");
    await writeFile(
      failing.kubeconfig,
      config.replace("console.log(", "process.exitCode = 3; console.error("),
    );
    const clusters = await examineClusters([failing], { ...question, issuers: async () => [] });
    const { findings = [] } = clusters?.examined ?? {};
    assert.deepEqual([codes(findings), clusters?.closed], [["problem LOGIN_FAILED"], ["shop"]]);
    assert.ok(!JSON.stringify(findings).includes("plugin-token"));
  });

  test("a stack without a cluster has nothing to check", async () => {
    const targets: Target[] = [{ kind: "static", name: "static", instances: [] }];
    assert.equal(await examineClusters(targets, { ...question, issuers: async () => [] }), undefined);
  });
});
