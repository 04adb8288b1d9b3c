import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { request } from "undici";
import { movedClockEnv } from "../../scripts/lab/moved-clock.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import type { OperationOptions, RunResult } from "../../scripts/lab/stack.ts";
import { refusingUrl, serve } from "../operations/loopback-server.ts";
import { KeyJournal } from "./sequence-journal.ts";
import { failed, scenarioFor, signingKid, succeeded } from "./world.ts";

interface Found {
  code: string;
  severity: string;
  what: string;
  fix: string;
}
interface Drift extends RunResult {
  findings: Found[];
  markdown: string;
}

const days = (count: number) => ({ env: movedClockEnv(count * 86_400_000) });

/** Runs `npm run drift` and everything that it writes. */
async function drift(t: TestContext, scenario: Scenario, options: OperationOptions = {}): Promise<Drift> {
  const directory = await mkdtemp(join(tmpdir(), "drift-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [json, markdown] = [join(directory, "drift.json"), join(directory, "drift.md")];
  const result = await scenario.stack.script("drift", ["--json", json, "--markdown", markdown], options);
  const { findings } = JSON.parse(await readFile(json, "utf8")) as { findings: Found[] };
  return { ...result, findings, markdown: await readFile(markdown, "utf8") };
}

/** Looks, and expects just these findings, and the exit code that goes with them. */
async function expectDrift(
  t: TestContext,
  scenario: Scenario,
  codes: readonly string[],
  options: OperationOptions = {},
): Promise<Drift> {
  const found = await drift(t, scenario, options);
  assert.deepEqual(
    found.findings.map(({ code }) => code),
    codes,
    found.output,
  );
  const isUnknown = codes.every((code) => code === "COULD_NOT_TELL");
  assert.equal(found.exitCode, codes.length === 0 ? 0 : isUnknown ? 1 : 2, found.output);
  for (const { code } of found.findings) assert.ok(found.markdown.includes(code));
  return found;
}

async function up(scenario: Scenario): Promise<void> {
  succeeded(await scenario.stack.up());
}

async function componentOf({ admin, realm }: Scenario, kid: string): Promise<string> {
  const { keys } = await admin.keys(realm);
  return keys.find((key) => key.kid === kid)?.providerId ?? assert.fail(`no key ${kid}`);
}

suite("npm run drift", () => {
  test("keys that were added, made by Keycloak itself, enabled again or deleted are found, named and fixed", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    const { admin, realm, stack } = scenario;
    const never = await drift(t, scenario);
    assert.equal(never.exitCode, 1);
    assert.match(never.stdout, /UNKNOWN COULD_NOT_TELL\n {2}stack drill has had no update yet/);

    await scenario.rotateTo(1, "INC-1");
    await up(scenario);
    const clean = await expectDrift(t, scenario, []);
    assert.match(
      clean.stdout,
      /: clean\n {2}realm \S+: 2 signing keys, 1 JWKS URLs and 2 instances checked\n/,
    );

    await admin.createKey(realm, "added-by-hand", "rsa-generated", { priority: "9000" });
    const added = await expectDrift(t, scenario, [
      "KEY_NOT_SIGNING",
      "KEY_UNMANAGED",
      "INSTANCE_REJECTS_FRESH",
      "INSTANCE_REJECTS_FRESH",
    ]);
    assert.match(
      added.findings[1]?.what ?? "",
      /\(RS256, added-by-hand\) is trusted, but was not created by this stack/,
    );
    const bumped = "pulumi config set rotation 2 --stack drill && pulumi up --stack drill";
    assert.deepEqual(
      added.findings.slice(0, 2).map(({ fix }) => fix),
      [bumped, bumped],
    );
    await stack.setConfig({ rotation: 2 });
    await up(scenario);
    await expectDrift(t, scenario, []);
    const second = await signingKid(scenario);

    const attributes = { "access.token.signed.response.alg": "ES256" };
    const client = await admin.createClient(realm, "asks-es256", undefined, attributes);
    await admin.mint(realm, client);
    const fallback = await expectDrift(t, scenario, ["KEY_FALLBACK"]);
    assert.match(fallback.findings[0]?.fix ?? "", /^add ES256 to algorithms/);
    assert.match(
      fallback.findings[0]?.fix ?? "",
      /, then pulumi config set rotation 3 --stack drill && pulumi up/,
    );
    await stack.setConfig({ algorithms: ["RS256", "ES256"], rotation: 3 });
    await up(scenario);
    await expectDrift(t, scenario, []);

    await admin.setKey(realm, await componentOf(scenario, second), { enabled: "true", active: "false" });
    const again = await expectDrift(t, scenario, ["KEY_ENABLED_AGAIN"]);
    assert.ok(again.findings[0]?.what.includes(second));
    assert.equal(again.findings[0]?.fix, "pulumi up --stack drill");
    await up(scenario);
    await expectDrift(t, scenario, []);

    const es256 = await signingKid(scenario, "ES256");
    await admin.deleteKey(realm, await componentOf(scenario, es256));
    const deleted = await expectDrift(t, scenario, ["KEY_MISSING"]);
    assert.match(deleted.findings[0]?.fix ?? "", /^pulumi config set rotation 4 --stack drill && pulumi up/);
    await stack.setConfig({ rotation: 4 });
    await expectDrift(t, scenario, ["KEY_MISSING", "CONFIG_AHEAD"]);
    // Nobody can show that the instances have forgotten a key of which there is no canary.
    assert.match(failed(await stack.up()).output, /for which there are no canary tokens/);
    // The RS256 key of the rotation before is not closed either: the run is red.
    await expectDrift(t, scenario, ["NOT_VERIFIED", "KEY_NOT_PROVEN", "KEY_NOT_PROVEN", "COULD_NOT_TELL"]);
    // No bump closes it: somebody has to answer for it by name.
    await stack.setConfig({ rotation: 5 });
    assert.match(failed(await stack.up()).output, new RegExp(`about kid ${es256}`));
    await stack.setConfig({ acknowledge: [{ kid: es256, reason: "nobody has asked for ES256 yet" }] });
    await up(scenario);
    await expectDrift(t, scenario, []);
  });

  test("instances that accept a retired key, reject a fresh one or don't answer, a stale JWKS, a freeze and a leftover probe are found; the check changes nothing", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    const { admin, realm, stack, fleet, keycloak, apiRefreshToken } = scenario;
    const live = () => request(admin.jwksUri(realm)).then(({ body }) => body.text());
    const shown = { stale: "" };
    const cdn = await serve(t, async (response) => {
      response.setHeader("content-type", "application/json").end(shown.stale || (await live()));
    });
    const first = await signingKid(scenario);
    await scenario.rotateTo(1, "INC-1", { jwksUris: [admin.jwksUri(realm), cdn.url] });
    shown.stale = "";
    const old = await live();
    await up(scenario);
    await KeyJournal.open(scenario);
    const before = await traces(scenario);
    await expectDrift(t, scenario, []);

    shown.stale = old;
    const stale = await expectDrift(t, scenario, ["JWKS_DIFFERS"]);
    assert.ok(stale.findings[0]?.what.startsWith(`${cdn.url} still shows ${first} and lacks `));
    shown.stale = "";
    assert.deepEqual(await traces(scenario), before);

    const [api] = fleet.instances;
    assert.ok(api);
    await api.misbehave("probe-500");
    const silent = await expectDrift(t, scenario, ["COULD_NOT_TELL"]);
    assert.match(silent.findings[0]?.what ?? "", /^api-1 could not be asked: inconclusive: HTTP 500$/);
    await api.repair();

    // A moment in which the old key was trusted again, and in which one instance has fetched it.
    const component = await componentOf(scenario, first);
    const refresh = () =>
      request(`${api.url}/internal/auth/jwks/refresh`, {
        method: "POST",
        headers: { authorization: `Bearer ${apiRefreshToken}` },
      }).then(({ statusCode }) => statusCode);
    await admin.setKey(realm, component, { enabled: "true" });
    assert.equal(await refresh(), 200);
    await admin.setKey(realm, component, { enabled: "false" });
    const accepts = await expectDrift(t, scenario, ["INSTANCE_ACCEPTS_RETIRED"]);
    assert.ok(accepts.findings[0]?.what.endsWith(`api-1 ACCEPTS a token of the retired kid ${first}`));
    assert.ok(
      accepts.findings[0]?.fix.endsWith(`curl --fail -X POST -H @- '${api.url}/internal/auth/jwks/refresh'`),
    );
    assert.equal(await refresh(), 200);
    await expectDrift(t, scenario, []);

    const { id } = await admin.client(realm, "jwks-break-glass-probe-rs256");
    await admin.createUser(realm, "jwks-break-glass-admin-probe");
    assert.ok(id);
    await expectDrift(t, scenario, ["ADMIN_PROBE_LEFT"]);
    const [user] = (await admin.get(`/${realm}/users?username=jwks-break-glass-admin-probe`)) as {
      id: string;
    }[];
    await admin.send("DELETE", `/${realm}/users/${user?.id}`);

    await api.misbehave("keep-cache");
    await scenario.rotateTo(2, "INC-2", { freeze: "both" });
    failed(await stack.up());
    const red = await expectDrift(t, scenario, [
      "NOT_VERIFIED",
      "KEY_NOT_PROVEN",
      "INSTANCE_ACCEPTS_RETIRED",
      "STILL_FROZEN",
      "STILL_FROZEN",
      "STILL_FROZEN",
    ]);
    assert.match(red.findings.at(-1)?.fix ?? "", /^pulumi config set freeze release/);
    await stack.setConfig({ freeze: "release" });
    await api.repair();
    await up(scenario);
    await expectDrift(t, scenario, []);

    const tooOld = await drift(t, scenario, days(100));
    assert.equal(tooOld.exitCode, 2);
    assert.match(tooOld.stdout, /KEY_TOO_OLD in realm .*\n {2}rotation 2 is 100 d .*maxKeyAgeDays is 90/);
    await stack.setConfig({ "keycloak:url": await refusingUrl() });
    const down = await expectDrift(t, scenario, ["COULD_NOT_TELL"]);
    assert.match(down.stdout, /KEYCLOAK_UNREACHABLE: .*connection refused/);

    for (const { output, markdown } of [stale, silent, accepts, red, tooOld, down])
      for (const secret of [keycloak.adminClientSecret, apiRefreshToken, "eyJ"])
        assert.ok(!`${output}${markdown}`.includes(secret));
  });

  test("a retirement that is due, then overdue, is found, and so is a passive key that somebody disabled", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1, config: { mode: "planned", rotation: 1 } });
    const { admin, realm, stack } = scenario;
    const first = await signingKid(scenario);
    await up(scenario);
    await expectDrift(t, scenario, []);

    await stack.setConfig({ rotation: 2 });
    const ahead = await expectDrift(t, scenario, ["CONFIG_AHEAD"]);
    assert.match(ahead.findings[0]?.what ?? "", /rotation 2, but the last update was rotation 1$/);
    await stack.setConfig({ rotation: 1, mode: "emergency", incident: "INC-1" });
    const escalated = await expectDrift(t, scenario, ["CONFIG_AHEAD"]);
    assert.match(
      escalated.findings[0]?.what ?? "",
      /mode emergency, but the last update was in mode planned$/,
    );
    await stack.setConfig({ mode: "planned", incident: undefined });
    const other = await admin.createRealm();
    t.after(() => admin.deleteRealm(other.name));
    await stack.setConfig({ realm: [realm, other.name] });
    const never = await expectDrift(t, scenario, ["COULD_NOT_TELL"]);
    assert.match(never.findings[0]?.what ?? "", /^stack drill has never rotated realm lab-/);
    await stack.setConfig({ realm });

    const soon = { env: movedClockEnv(7 * 60_000) };
    const due = await expectDrift(t, scenario, ["RETIREMENT_DUE"], soon);
    assert.ok(due.findings[0]?.what.includes(first));
    await expectDrift(t, scenario, ["RETIREMENT_OVERDUE"], days(2));
    await admin.setKey(realm, await componentOf(scenario, first), { enabled: "false" });
    const early = await drift(t, scenario);
    assert.deepEqual(
      early.findings.map(({ code }) => code),
      ["KEY_NOT_PROVEN", "KEY_RETIRED_EARLY"],
      early.output,
    );
    succeeded(await stack.up([], soon));
    await expectDrift(t, scenario, [], soon);

    // No key changes for it, and yet the next look must be at what the config says now.
    const [api] = scenario.fleet.instances;
    assert.ok(api);
    const dead = { name: "api-2", url: await refusingUrl() };
    await stack.setConfig({ targets: [{ name: api.name, url: api.url }, dead] });
    assert.match(failed(await stack.up([], soon)).output, /api-2 does not answer/);
    const silent = await expectDrift(t, scenario, ["NOT_VERIFIED", "COULD_NOT_TELL"], soon);
    assert.match(silent.findings[1]?.what ?? "", /^api-2 could not be asked/);
  });
});

/** Everything that looking must leave as it is; of instances, that nothing but the probe was called. */
async function traces({ admin, realm, fleet, stack }: Scenario): Promise<unknown> {
  const calls = await Promise.all(fleet.instances.map((one) => one.accessLog()));
  return [
    await admin.keyComponents(realm),
    await admin.get(`/${realm}/clients`),
    await admin.get(`/${realm}/admin-events?max=1000`),
    calls.flat().filter(({ method, path }) => method !== "GET" || path !== "/api/me"),
    await stack.export(),
  ];
}
