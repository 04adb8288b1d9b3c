import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { request } from "undici";
import { movedClockEnv } from "../../scripts/lab/moved-clock.ts";
import { projectDir, type Scenario } from "../../scripts/lab/scenario.ts";
import type { OperationOptions, RunResult } from "../../scripts/lab/stack.ts";
import { collect } from "../../scripts/lab/stack-engine.ts";
import { serve } from "../operations/loopback-server.ts";
import { scenarioFor, succeeded } from "./world.ts";

interface Found {
  code: string;
  severity: string;
  what: string;
  emergency: string;
  next: string;
}
interface Examined extends RunResult {
  findings: Found[];
}

/** Runs `npm run doctor` on a scenario. */
async function doctor(t: TestContext, scenario: Scenario, options: OperationOptions = {}): Promise<Examined> {
  const directory = await mkdtemp(join(tmpdir(), "doctor-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const json = join(directory, "doctor.json");
  const result = await scenario.stack.script("doctor", ["--json", json], options);
  const text = await readFile(json, "utf8");
  for (const secret of [scenario.keycloak.adminClientSecret, scenario.apiRefreshToken, "eyJ"])
    assert.ok(!`${result.output}${text}`.includes(secret));
  return { ...result, findings: (JSON.parse(text) as { findings: Found[] }).findings };
}

/** Looks, and expects just these findings, each with a consequence and a next step, and the exit code that goes with them. */
async function expectFindings(
  t: TestContext,
  scenario: Scenario,
  codes: readonly string[],
  options: OperationOptions = {},
): Promise<Examined> {
  const examined = await doctor(t, scenario, options);
  const { findings, output } = examined;
  assert.deepEqual(
    findings.map(({ code }) => code),
    codes,
    output,
  );
  for (const { emergency, next } of findings) assert.ok(emergency.length > 0 && next.length > 0);
  const isReady = findings.every(({ severity }) => severity === "warning");
  assert.equal(examined.exitCode, isReady ? 0 : 1, output);
  return examined;
}

/** What no check may change. */
async function traces({ admin, realm, stack }: Scenario): Promise<unknown> {
  return [
    await admin.keyComponents(realm),
    await admin.keys(realm),
    await admin.get(`/${realm}/clients`),
    await admin.get(`/${realm}/users`),
    await stack.export(),
  ];
}

/** A client that may read and nothing else. */
async function readOnlyClient({
  admin,
  realm,
}: Scenario): Promise<Record<"clientId" | "clientSecret", string>> {
  const client = await admin.createClient("master", `reader-of-${realm}`);
  const { id } = await admin.client("master", client.clientId);
  const user = (await admin.get(`/master/clients/${id}/service-account-user`)) as { id: string };
  const { id: owner } = await admin.client("master", `${realm}-realm`);
  const roles = await Promise.all(
    ["view-realm", "view-clients", "view-users"].map((role) =>
      admin.get(`/master/clients/${owner}/roles/${role}`),
    ),
  );
  await admin.send("POST", `/master/users/${user.id}/role-mappings/clients/${owner}`, roles);
  return client;
}

suite("npm run doctor", () => {
  test("a sound world is ready, each broken thing is found and named, and nothing is changed by looking", async (t) => {
    const scenario = await scenarioFor(t, { config: { mode: "planned", rotation: 1 } });
    const { admin, realm, stack, fleet, keycloak, directory } = scenario;
    const own = admin.jwksUri(realm);
    const live = () => request(own).then(({ body }) => body.text());
    const shown = { status: 200, stale: "" };
    const cdn = await serve(t, async (response) => {
      response
        .writeHead(shown.status, { "content-type": "application/json" })
        .end(shown.stale || (await live()));
    });
    const old = await live();

    const never = await doctor(t, scenario);
    assert.equal(never.exitCode, 1);
    assert.ok(
      never.findings.every(({ severity }) => severity === "unknown"),
      never.output,
    );

    await stack.setConfig({ jwksUris: [own, cdn.url] });
    succeeded(await stack.up());
    const before = await traces(scenario);
    const sound = await expectFindings(t, scenario, []);
    assert.match(sound.stdout, /^Stack drill, [^:]+:\d\d:[\d.]+Z: ready \(/);
    assert.match(sound.stdout, /3 of 3 accept a good token and refuse a forged and an expired one/);

    const [first, second] = fleet.instances;
    assert.ok(first && second);
    const broken = async (behaviour: Parameters<typeof first.misbehave>[0], ...codes: string[]) => {
      await first.misbehave(behaviour);
      const examined = await expectFindings(t, scenario, codes);
      for (const { what } of examined.findings) assert.match(what, /^1 of 3 instances .*: api-1 \(/);
      await first.repair();
      return examined;
    };
    await broken("wrong-token", "REFRESH_FAILED");
    await broken("hang", "REFRESH_FAILED");
    await broken("keep-cache");
    await broken("probe-hang", "INSTANCE_SILENT");
    await broken("probe-500", "INSTANCE_UNCLEAR");
    const open = await broken("accept-all", "FORGED_TOKEN_ACCEPTED", "EXPIRED_TOKEN_ACCEPTED");
    assert.match(open.stdout, /│ api-1 +│ accepted +│ ACCEPTED +│ ACCEPTED +│ done/);

    shown.status = 500;
    const unreadable = await expectFindings(t, scenario, ["JWKS_UNREADABLE"]);
    assert.ok(unreadable.findings[0]?.what.includes(cdn.url));
    Object.assign(shown, { status: 200, stale: old });
    const stale = await expectFindings(t, scenario, ["JWKS_NOT_CURRENT"]);
    assert.match(stale.findings[0]?.what ?? "", /lacks \S+ \(5 of 5 reads\)$/);
    shown.stale = "";

    const probe = await admin.client(realm, "jwks-break-glass-probe-rs256");
    await admin.setClient(realm, probe.id, { enabled: false });
    const unminted = await expectFindings(t, scenario, ["TOKEN_NOT_MINTED", "NOT_CHECKED"]);
    assert.match(unminted.findings[0]?.what ?? "", /HTTP 401 \(invalid_client: .+\)$/);
    await admin.setClient(realm, probe.id, { enabled: true });

    const reader = await readOnlyClient(scenario);
    await stack.setConfig(
      { "keycloak:clientId": reader.clientId },
      { "keycloak:clientSecret": reader.clientSecret },
    );
    const powerless = await doctor(t, scenario);
    assert.equal(powerless.exitCode, 1);
    const lacks = powerless.findings.filter(({ code }) => code === "KEYCLOAK_ROLE_MISSING");
    const text = lacks.map(({ what }) => what).join("\n");
    assert.match(text, /lacks the role manage-realm/);
    assert.match(text, /lacks the role manage-clients/);
    assert.match(powerless.stdout, /NOT READY: an emergency might leave the stolen key alive/);
    await stack.setConfig({}, { "keycloak:clientSecret": "not-the-secret-of-it" });
    await expectFindings(t, scenario, ["KEYCLOAK_LOGIN_REFUSED", "NOT_CHECKED"]);
    await stack.setConfig(
      { "keycloak:clientId": keycloak.adminClientId },
      { "keycloak:clientSecret": keycloak.adminClientSecret },
    );

    await writeFile(join(directory, "a-file"), "");
    await stack.setConfig({ evidenceDir: join(directory, "a-file", "evidence") });
    await expectFindings(t, scenario, ["EVIDENCE_NOT_WRITTEN"]);
    await stack.setConfig({ evidenceDir: scenario.evidenceDir });

    await expectFindings(t, scenario, ["CLOCKS_DIFFER"], { env: movedClockEnv(60_000) });
    assert.deepEqual(await traces(scenario), before);

    await stack.setConfig({ freeze: "api", freezePath: "/internal/no-such-thing" });
    const unfrozen = await expectFindings(t, scenario, ["FREEZE_FAILED"]);
    assert.match(
      unfrozen.findings[0]?.what ?? "",
      /^3 of 3 instances can't be frozen: api-1, api-2, api-3 \(HTTP 404: /,
    );
    await stack.setConfig({ freeze: "both", freezePath: undefined, sessions: { revoke: "all" } });
    await expectFindings(t, scenario, []);
    await second.misbehave("ignore-deny-list");
    const denied = await expectFindings(t, scenario, ["DENY_LIST_FAILED"]);
    assert.match(denied.findings[0]?.what ?? "", /api-2 still accepts an administrator whose session is on/);
    await second.repair();
    assert.deepEqual(await traces(scenario), before);
    assert.deepEqual(await freezeCalls(scenario), { put: 6, deleted: 6 });

    const saml = { clientId: "https://partner.example/saml", protocol: "saml" };
    await admin.send("POST", `/${realm}/clients`, {
      ...saml,
      attributes: { "saml.assertion.signature": "true" },
    });
    const partners = await expectFindings(t, scenario, ["SAML_CLIENTS"]);
    assert.ok(partners.findings[0]?.what.endsWith(saml.clientId));
    await stack.setConfig({ mode: "emergency", incident: "INC-2", rotation: 2 });
    const preview = succeeded(await stack.script("preview"));
    assert.match(preview.stdout, /SAML client https:\/\/partner\.example\/saml with the realm's keys/);
  });

  test("what can't run has exit code 2 and says why: a wrong command line, a missing stack, every problem in the config", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1, config: { mode: "planned", rotation: 1 } });
    const { stack } = scenario;
    const run = (...args: string[]) => stack.script("doctor", args);
    const usage = await run("--no-such-option");
    assert.deepEqual([usage.exitCode, usage.stdout], [2, ""]);
    assert.match(usage.stderr, /npm run doctor -- --stack NAME/);
    const missing = await run("--stack", "no-such-stack");
    assert.equal(missing.exitCode, 2);
    assert.match(missing.stderr, /^STACK_UNREADABLE: /);
    await stack.setConfig({ keySize: 7, freeze: "everything", "keycloak:url": "nowhere" });
    const config = await run();
    assert.equal(config.exitCode, 2);
    assert.match(config.stderr, /^SETTINGS_INVALID: 3 problems in the config of stack drill/);
    for (const problem of [/- keySize: /, /- freeze: /, /- keycloak:url /])
      assert.match(config.stderr, problem);
  });

  test("a check that is interrupted while an instance is frozen thaws it before it ends", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1, config: { mode: "planned", rotation: 1 } });
    const { stack, fleet } = scenario;
    succeeded(await stack.up());
    const [{ url } = { url: "" }] = fleet.instances;
    const frozen = Promise.withResolvers<() => void>();
    const calls: string[] = [];
    // In front of the instance, so that the answer to the first freeze call can be kept back; it names no process.
    const front = await serve(t, async (response, { method, url: path, headers }) => {
      if (path === "/internal/admin/freeze") calls.push(method);
      const { authorization = "" } = headers;
      const answer = await request(`${url}${path}`, {
        method: method as "GET",
        headers: { authorization },
      });
      const text = await answer.body.text();
      const reply = () => response.writeHead(answer.statusCode).end(text);
      if (path === "/internal/admin/freeze" && calls.length === 1) frozen.resolve(reply);
      else reply();
    });
    const targets = [{ name: "api-1", url: front.url }];
    await stack.setConfig({ freeze: "api", targets, probe: { connections: 2 } });
    const script = join(projectDir, "scripts", "doctor.ts");
    const child = spawn(process.execPath, [script, "--stack", "drill", "--config-file", stack.configFile], {
      cwd: projectDir,
      env: stack.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    t.after(() => child.kill("SIGKILL"));
    const taken = Promise.withResolvers<void>();
    const ended = collect(child, (line) => {
      if (line.startsWith("interrupted: ")) taken.resolve();
    });
    const reply = await frozen.promise;
    child.kill("SIGINT");
    await taken.promise;
    reply();
    const { exitCode, output } = await ended;
    assert.equal(exitCode, 2, output);
    assert.deepEqual(calls, ["PUT", "PUT", "DELETE", "DELETE"]);
  });

  test("forty instances that hang are counted, and twenty are named, within their time", async (t) => {
    const scenario = await scenarioFor(t, { config: { mode: "planned", rotation: 1 } });
    succeeded(await scenario.stack.up());
    const hanging = await serve(t, () => undefined);
    const port = new URL(hanging.url).port;
    const names = Array.from({ length: 40 }, (_, index) => ({
      name: `hanging-${index + 1}`,
      url: `http://localhost:${port}/${index + 1}`,
    }));
    const targets = [...scenario.fleet.instances.map(({ name, url }) => ({ name, url })), ...names];
    await scenario.stack.setConfig({ targets });
    const { findings, stdout } = await expectFindings(t, scenario, ["INSTANCE_SILENT", "REFRESH_FAILED"]);
    const [silent] = findings;
    assert.match(
      silent?.what ?? "",
      /^40 of 43 instances do not answer: hanging-1, hanging-2, .* and 20 more \(no answer within 5000 ms\)$/,
    );
    assert.match(
      stdout,
      /\nand 23 more instances, 20 of them not as they should be; --json FILE lists them all\n/,
    );
  });
});

/** How often the instances were frozen and thawed. */
async function freezeCalls({ fleet }: Scenario): Promise<{ put: number; deleted: number }> {
  const logs = (await Promise.all(fleet.instances.map((one) => one.accessLog()))).flat();
  const counted = (method: string) =>
    logs.filter(({ path, ...line }) => path === "/internal/admin/freeze" && line.method === method).length;
  return { put: counted("PUT"), deleted: counted("DELETE") };
}
