import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { ensureProbeClients, removeProbeClients } from "#operations/canaries/probe-clients";
import { inspectStack, type StackInspection } from "#operations/config/inspect-stack";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { startFaultProxy } from "../../../scripts/lab/fault-proxy.ts";
import { type LabKeycloak, startKeycloak } from "../../../scripts/lab/keycloak.ts";
import { LabAdmin } from "../../../scripts/lab/keycloak-realms.ts";
import { refusingUrl, serve } from "../loopback-server.ts";
import { connectionTo } from "../samples.ts";

suite("inspectStack, against a real realm", () => {
  let keycloak: LabKeycloak;
  let lab: LabAdmin;
  let realm: string;

  before(async () => {
    keycloak = await startKeycloak();
    lab = new LabAdmin(keycloak);
    realm = (await lab.createRealm()).name;
  });
  after(async () => {
    await lab?.deleteRealm(realm);
    await keycloak?.stop();
  });

  /** Inspects a sound emergency config with these changes, as Pulumi hands it over; `undefined` removes a key. */
  function inspect(
    changes: Record<string, unknown> = {},
    connection: Record<string, string> = {},
    isPreview = true,
  ): Promise<StackInspection> {
    const sound = {
      mode: "emergency",
      rotation: 1,
      incident: "INC-1",
      realm,
      apiRefreshToken: "a-token-for-the-instances",
      targets: [{ name: "api-1", url: "http://127.0.0.1:1" }],
    };
    const given = Object.entries({ ...sound, ...changes })
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
    const found: Record<string, string> = {
      url: keycloak.url,
      clientId: keycloak.adminClientId,
      clientSecret: keycloak.adminClientSecret,
      ...connection,
    };
    return inspectStack(Object.fromEntries(given), (key) => found[key], isPreview);
  }

  test("in an emergency, an algorithm that is not listed costs the proof of its key, and is a warning", async () => {
    const { problems, realms } = await inspect({ algorithms: ["ES256"] });
    assert.deepEqual(problems, []);
    const warnings = realms.flatMap(({ plan }) => plan?.warnings ?? []).join("\n");
    assert.match(
      warnings,
      /the keys are disabled regardless, but: algorithms: the realm by default asks for RS256/,
    );
  });

  test("in an emergency, a cluster that can't be reached is a warning", async () => {
    const kubernetes = {
      namespace: "shop",
      selector: "app=shop-api",
      port: 8080,
      kubeconfig: "/no/such/file",
    };
    const { problems, warnings } = await inspect({ targets: [{ kubernetes }] });
    assert.deepEqual(problems, []);
    assert.match(warnings.join("\n"), /the keys are disabled regardless, but: KUBECONFIG_INVALID/);
  });

  test("in an emergency, clients that can't be listed are a warning, and the keys are planned regardless", async (t) => {
    const proxy = await startFaultProxy(keycloak.url, { delay: () => new Promise(() => undefined) });
    t.after(() => proxy.stop());
    for (const fault of [{ kind: "status", status: 500 } as const, { kind: "delay", ms: 1 } as const]) {
      proxy.failWhere(({ path }) => path.endsWith("/clients"), fault);
      const { problems, realms } = await inspect({}, { url: proxy.url }, false);
      assert.deepEqual(problems, []);
      const plan = realms[0]?.plan;
      assert.match(plan?.actions.join("\n") ?? "", /disable kid/);
      assert.match(plan?.warnings.join("\n") ?? "", /regardless, but: the realm's clients could not be read/);
    }
  });

  test("in a planned rotation, clients that can't be listed are a problem", async (t) => {
    const proxy = await startFaultProxy(keycloak.url);
    t.after(() => proxy.stop());
    proxy.failWhere(({ path }) => path.endsWith("/clients"), { kind: "status", status: 500 });
    const { problems } = await inspect({ mode: "planned" }, { url: proxy.url });
    assert.match(problems.join("\n"), /HTTP 500 to GET \/clients/);
  });

  test("a JWKS URL that can't be read refuses a planned rotation; an emergency goes on with a warning", async () => {
    const jwksUris = [`${await refusingUrl()}/jwks.json`];
    const planned = await inspect({ jwksUris, mode: "planned" });
    assert.match(planned.problems.join("\n"), /^JWKS_UNREADABLE: .*\/jwks\.json gives no answer/);
    const { problems, realms } = await inspect({ jwksUris });
    assert.deepEqual(problems, []);
    const warnings = realms.flatMap(({ plan }) => plan?.warnings ?? []).join("\n");
    assert.match(warnings, /the keys are disabled regardless, but: JWKS_UNREADABLE: /);
  });

  test("in an emergency a JWKS URL that hangs is waited for no longer than the targets", async (t) => {
    const hanging = await serve(t, () => undefined);
    const { problems, realms } = await inspect({ jwksUris: [hanging.url] });
    assert.deepEqual(problems, []);
    const warnings = realms.flatMap(({ plan }) => plan?.warnings ?? []).join("\n");
    assert.match(warnings, /the keys are disabled regardless, but: .*(within 2 s|no answer within 2000 ms)/);
  });

  test("a probe client that Keycloak does not mint with is a problem, and one that the run repairs is none", async () => {
    const { url, adminClientId: clientId, adminClientSecret: clientSecret } = keycloak;
    const connection = { ...connectionTo(url), clientId, clientSecret, timeoutMs: 15_000 };
    const admin = new KeycloakAdmin(connection, realm);
    await ensureProbeClients(admin, {
      algorithms: ["RS256"],
      audience: [],
      realmRoles: [],
      clockSkewSeconds: 60,
    });
    assert.deepEqual((await inspect({ mode: "planned" })).problems, []);
    const { id } = await lab.client(realm, "jwks-break-glass-probe-rs256");
    await lab.setClient(realm, id, { enabled: false });
    assert.deepEqual((await inspect({ mode: "planned" })).problems, []);
    // Certificate-bound access tokens are nothing that this program sets.
    const attributes = { "tls.client.certificate.bound.access.tokens": "true" };
    await lab.setClient(realm, id, { enabled: true, attributes });
    assert.match(
      (await inspect({ mode: "planned" })).problems.join("\n"),
      /^TOKEN_NOT_MINTED: .*HTTP 400 \(/,
    );
    await removeProbeClients(admin);
    assert.deepEqual((await inspect({ mode: "planned" })).problems, []);
  });

  test("a sound config has no problem", async () => {
    assert.deepEqual((await inspect()).problems, []);
  });

  for (const [title, config, message] of [
    ["a missing rotation", { rotation: undefined }, /^rotation: is missing/],
    ["rotation zero", { rotation: 0 }, /^rotation: is not a whole number of 1 or more/],
    ["an emergency without an incident", { incident: undefined }, /^incident: is missing/],
    ["an unknown algorithm", { algorithms: ["HS256"] }, /^algorithms\[0\]: is not one of/],
    ["no instances", { targets: [] }, /^targets: is empty/],
    [
      "the same instance twice",
      { targets: ["http://a.test", "http://a.test/"] },
      /names the url http:\/\/a\.test twice/,
    ],
    [
      "in a planned rotation, an algorithm that the realm asks for and is not listed",
      { mode: "planned", algorithms: ["ES256"] },
      /the realm by default asks for RS256/,
    ],
  ] as const) {
    test(`${title} is a problem`, async () => {
      const { problems } = await inspect(config);
      assert.ok(
        problems.some((problem) => message.test(problem)),
        problems.join("\n"),
      );
    });
  }

  test("a wrong admin secret is KEYCLOAK_LOGIN_REFUSED, and the secret is not shown", async () => {
    const { problems } = await inspect({}, { clientSecret: "wrong-secret-of-the-test" });
    assert.match(problems.join("\n"), /KEYCLOAK_LOGIN_REFUSED: .*check keycloak:clientId/s);
    assert.doesNotMatch(problems.join("\n"), /wrong-secret-of-the-test/);
  });

  test("a missing realm is REALM_NOT_FOUND", async () => {
    const { problems } = await inspect({ realm: "no-such-realm" });
    assert.match(problems.join("\n"), /REALM_NOT_FOUND: .*no-such-realm.*realm's name/s);
  });
});
