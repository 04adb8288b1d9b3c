import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, type TestContext, test } from "node:test";
import { pack, unpack } from "#operations/base/packed";
import type { Target } from "#operations/fleet/targets";
import { configureConnection } from "#operations/keycloak/connection";
import { canaryPhase } from "#operations/phases/canary";
import { cutoverPhase } from "#operations/phases/cut-over";
import { publishPhase } from "#operations/phases/publish";
import { knownSoFar } from "#operations/phases/so-far";
import type { CanaryFindings } from "#operations/proof/canary-findings";
import { type FaultProxy, type ProxiedRequest, startFaultProxy } from "../../../scripts/lab/fault-proxy.ts";
import { type LabKeycloak, startKeycloak } from "../../../scripts/lab/keycloak.ts";
import { LabAdmin } from "../../../scripts/lab/keycloak-realms.ts";
import { serve } from "../loopback-server.ts";
import { runContext, staticFleet } from "../samples.ts";

/** Enough for what is answered, on a machine that is busy with other tests. */
const enoughMs = 8_000;
const probeIdentity = { algorithms: ["RS256"], audience: [], realmRoles: [], clockSkewSeconds: 0 };

/** What an emergency has found before the cut-over, and the kids that it has disabled. */
interface Killed {
  findings: CanaryFindings;
  retired: string[];
}

suite("until the key is dead, in an emergency", () => {
  let keycloak: LabKeycloak;
  let lab: LabAdmin;
  let proxy: FaultProxy;

  before(async () => {
    keycloak = await startKeycloak();
    lab = new LabAdmin(keycloak);
    proxy = await startFaultProxy(keycloak.url, { delay: () => new Promise(() => undefined) });
    const { adminClientId: clientId, adminClientSecret: clientSecret } = keycloak;
    const config: Record<string, string> = { url: proxy.url, clientId, clientSecret, clientTimeout: "2" };
    configureConnection((key) => config[key]);
  });
  after(async () => {
    await proxy?.stop();
    await keycloak?.stop();
  });

  /** Runs the phases up to the cut-over, with requests that are never answered. */
  async function kill(
    t: TestContext,
    hangs: (request: ProxiedRequest) => boolean,
    { targets = staticFleet().targets, budgetMs = 1_000 }: { targets?: Target[]; budgetMs?: number } = {},
  ): Promise<Killed> {
    t.mock.method(console, "log", () => undefined);
    const realm = (await lab.createRealm()).name;
    t.after(() => lab.deleteRealm(realm));
    const evidenceDir = await mkdtemp(join(tmpdir(), "time-to-dead-"));
    t.after(() => rm(evidenceDir, { recursive: true, force: true }));
    proxy.failWhere(hangs, { kind: "delay", ms: Number.POSITIVE_INFINITY });
    t.after(() => proxy.failWhere(() => false, { kind: "reset" }));
    const run = { ...runContext(evidenceDir), realm, realms: [realm], rotation: 1 };
    const { mode, stage, rotation } = run;
    const step = { realm, rotation, mode, stage };
    const fleet = { ...staticFleet(), targets };
    const exemptKeys: string[] = [];
    const fleeting = { ...step, apiRefreshTokens: ["t"] };
    const canary = await canaryPhase({
      ...fleeting,
      details: pack({ run, exemptKeys, fleet, probeIdentity, budgetMs }),
    });
    const key = await publishPhase({
      ...step,
      details: pack({ run, keySize: 2048 }),
      algorithm: "RS256",
      before: pack(knownSoFar({ canary, keys: [] })),
    });
    const { keyName: name, ...rest } = key;
    const { retired } = await cutoverPhase({
      ...fleeting,
      details: pack({
        ...{ run, fleet, probeIdentity, exemptKeys },
        ...{ overlapMs: 0, keepRetired: 1, jwksUris: [], jwksTimeoutMs: 1 },
      }),
      before: pack(knownSoFar({ canary, keys: [{ ...rest, name }] })),
      componentIds: [key.componentId],
      pendingChanges: 1,
    });
    const dead = retired.map(({ kid }) => kid);
    const { findings } = unpack(canary.canary);
    assert.deepEqual(
      dead,
      findings.keysBefore.map(({ kid }) => kid),
      "the key that signed before is disabled",
    );
    return { findings, retired: dead };
  }

  test("a token endpoint that hangs costs the canary tokens, which is said", async (t) => {
    const isMint = ({ path }: ProxiedRequest) => /realms\/(?!master).*\/token$/.test(path);
    const { findings, retired } = await kill(t, isMint, { budgetMs: 5_000 });
    assert.match(
      findings.unminted?.join() ?? "",
      new RegExp(
        `^no canary token of kid ${retired[0]} .RS256.( within emergency.budgetSeconds)?: (KEYCLOAK_UNREACHABLE|TOKEN_NOT_MINTED)`,
      ),
    );
  });

  test("clients that can't be read cost the canary tokens, which is said", async (t) => {
    const { findings } = await kill(t, ({ path }) => path.endsWith("/clients"));
    assert.match(
      findings.unminted?.join() ?? "",
      /^the probe clients could not be made within emergency.budgetSeconds,no canary token .*: TOKEN_NOT_MINTED: there is no probe client/,
    );
  });

  test("discovery that hangs costs the old key set", async (t) => {
    const { findings } = await kill(t, ({ path }) => path.endsWith("/openid-configuration"));
    assert.deepEqual(findings.jwksBefore, { keys: [] });
  });

  for (const [title, hangs] of [
    ["a cluster that does not answer", "the API server"],
    ["a kubeconfig plugin that takes long", "the plugin"],
  ] as const) {
    test(`${title} is given up with the budget, and takes no time from the instances of others`, async (t) => {
      const { url } = await serve(t, (response) => response.writeHead(200).end());
      const shop: Target = { kind: "static", name: "shop", instances: [{ name: "api-1", url }] };
      const targets = [shop, await silentCluster(t, hangs)];
      // A machine that is busy with other tests must not make the instance late.
      const { findings } = await kill(t, () => false, { targets, budgetMs: enoughMs });
      assert.deepEqual(
        findings.baseline.map(({ instance, verdicts }) => [instance, verdicts[0]?.verdict.kind]),
        [["api-1", "accepted"]],
      );
      assert.match(findings.notAsked.join("\n"), /KUBERNETES_UNREACHABLE: .*no answer within [0-9.]+ s/);
    });
  }
});

/** A target whose login plugin, or whose API server, is never heard of. */
async function silentCluster(t: TestContext, hangs: "the API server" | "the plugin"): Promise<Target> {
  const server = await serve(t, () => undefined);
  const directory = await mkdtemp(join(tmpdir(), "silent-cluster-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  // It ends when the server closes its connection, which is when the test is over.
  const script = `fetch(${JSON.stringify(server.url)}).catch(() => process.exit(1))`;
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: process.execPath,
    args: ["-e", script],
  };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "lab", cluster: { server: server.url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "jo", user: hangs === "the plugin" ? { exec } : { token: "t" } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "jo" } }],
    "current-context": "lab",
  };
  const kubeconfig = join(directory, "kubeconfig");
  await writeFile(kubeconfig, JSON.stringify(config));
  return {
    kind: "kubernetes",
    name: "pods",
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
