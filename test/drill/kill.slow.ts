import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { checkBundle } from "#operations/evidence/check/check-bundle";
import type { KillOutcome } from "../../scripts/kill/outcome.ts";
import type { RunResult } from "../../scripts/lab/stack.ts";
import { killedAt, signalledAt, upKilledAt } from "./killed-up.ts";
import { filesBelow, jwt, layers, processList } from "./secret-hunt.ts";
import { evidenceOfRealm, needed, twoRealms } from "./two-realms.ts";
import {
  type AnyScenario,
  adoptedScenario,
  evidenceOf,
  failed,
  managedKeys,
  quickGiveUp,
  requestCount,
  rotate,
  signingKid,
  statusesOf,
  succeeded,
} from "./world.ts";

/** The command that is repeated, with what it would ask for. */
function args(scenario: AnyScenario, incident: string): string[] {
  return ["--incident", incident, "--yes", scenario.realm];
}

function kill(scenario: AnyScenario, incident: string, env?: Record<string, string>): Promise<RunResult> {
  return scenario.stack.script("kill", args(scenario, incident), env ? { env } : {});
}

/** As when the backend is gone for good: no state, no lock, no stack. */
async function loseBackend({ directory }: AnyScenario): Promise<void> {
  await rm(join(directory, "backend", ".pulumi"), { recursive: true });
}

/** A token of a user, minted with the key that is about to be stolen. */
async function steal({ admin, realm }: AnyScenario): Promise<string> {
  const client = await admin.createClient(realm, `frontend-${crypto.randomUUID().slice(0, 8)}`);
  return admin.mint(realm, client);
}

async function proofLevels(scenario: AnyScenario, incident: string, rotation: number): Promise<string[]> {
  const { verification } = await evidenceOf(scenario, incident, rotation);
  return (verification?.instances ?? []).map(({ proof }) => proof);
}

/** What is kept for a repeated run: nothing may be left when one was green. */
async function keptFiles({ evidenceDir }: AnyScenario): Promise<string[]> {
  const folder = join(evidenceDir, ".kill");
  return existsSync(folder) ? readdir(folder) : [];
}

suite("npm run kill, without Pulumi's engine and state", () => {
  test("with the backend gone: the old key is dead, every instance proven; the up on a new state adopts it, changes no key, and says where the proof is", async (t) => {
    const scenario = await adoptedScenario(t);
    const { admin, realm, stack } = scenario;
    const stolen = await steal(scenario);
    await loseBackend(scenario);

    const { output } = succeeded(await kill(scenario, "INC-2"));
    assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401, 401]);
    const { outcome, retired } = await evidenceOf(scenario, "INC-2", 2);
    assert.equal(outcome, "verified");
    assert.deepEqual(await proofLevels(scenario, "INC-2", 2), ["replayed", "replayed", "replayed"]);
    assert.match(output, /GREEN {2}realm shop-/);
    for (const line of ["rotation 2", "mode emergency", "incident INC-2"])
      assert.ok(output.includes(`pulumi config set ${line} --stack drill`), output);
    assert.deepEqual(await keptFiles(scenario), []);
    const again = succeeded(await kill(scenario, "INC-2"));
    assert.match(again.output, /no key was left to disable. That .* was proven by an earlier kill, not now/);

    await stack.init();
    await scenario.rotateTo(2, "INC-2");
    const keys = await admin.keyComponents(realm);
    const up = succeeded(await stack.up());
    assert.deepEqual(await admin.keyComponents(realm), keys);
    const [dead] = retired;
    const elsewhere = new RegExp(
      `kid ${dead?.kid} \\(RS256\\) was disabled before by npm run kill for rotation 2; the proof .* begins with [0-9a-f]{16}`,
    );
    assert.match(up.output, elsewhere);
    const after = await evidenceOf(scenario, "INC-2", 2);
    assert.deepEqual([after.outcome, after.retired], ["verified", []]);
    assert.ok(
      after.scope?.some((line) => elsewhere.test(line)),
      JSON.stringify(after.scope),
    );
    assert.deepEqual(await proofLevels(scenario, "INC-2", 2), Array(3).fill("nothing-retired"));
    succeeded(await stack.preview(["--expect-no-changes"]));
    const bundle = join(scenario.evidenceDir, "INC-2", "2");
    for (const directory of [bundle, join(bundle, "earlier", "1"), join(bundle, "earlier", "2")]) {
      const { findings, ok } = await checkBundle(directory);
      assert.ok(ok, `${directory}: ${JSON.stringify(findings)}`);
    }
  });

  test("where the state knows the key that died: the up after it is green without asking for restarts, and sessions, freeze and internal keys are done once", async (t) => {
    const scenario = await adoptedScenario(t);
    const { admin, realm, stack } = scenario;
    await stack.setConfig({
      freeze: "both",
      sessions: { revoke: "all" },
      internalKeys: ["hmac"],
    });
    succeeded(await kill(scenario, "INC-2"));
    const look = async () => ({
      keys: await admin.keyComponents(realm),
      realm: ((await admin.get(`/${realm}`)) as { notBefore: number }).notBefore,
    });
    const before = await look();
    assert.ok(before.realm > 0, "the sessions were not ended");
    await scenario.rotateTo(2, "INC-2");
    const { output } = succeeded(await stack.up());
    assert.deepEqual(await look(), before);
    assert.match(output, /npm run kill has ended the sessions of this rotation/);
    assert.match(output, /npm run kill has frozen for this rotation/);
  });

  test("with a lock left by an up that was killed: its key is taken over, and the up after it proves with its own canaries", async (t) => {
    const scenario = await adoptedScenario(t);
    const stolen = await steal(scenario);
    await scenario.rotateTo(2, "INC-2");
    await upKilledAt(scenario, /\[publish\] published/);
    succeeded(await kill(scenario, "INC-2"));
    assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401, 401]);
    const kid = await signingKid(scenario);
    assert.deepEqual((await managedKeys(scenario)).all, [
      "jwks-break-glass-r1-RS256",
      "jwks-break-glass-r2-RS256",
    ]);
    await scenario.stack.cancel();
    succeeded(await scenario.stack.up());
    assert.equal(await signingKid(scenario), kid);
  });

  test("beside an up that hangs: the key dies, and the up that goes on afterwards changes nothing of it", async (t) => {
    const scenario = await adoptedScenario(t);
    const { realm, admin, stack } = scenario;
    const stolen = await steal(scenario);
    await scenario.rotateTo(2, "", { mode: "planned", incident: undefined });
    const hung = stack.spawnUp();
    const killed: { result?: RunResult } = {};
    const { output } = await signalledAt(hung, /\[publish\] published/, "SIGSTOP", async () => {
      killed.result = await kill(scenario, "INC-2");
      process.kill(-(hung.pid ?? 0), "SIGCONT");
    });
    succeeded(killed.result ?? assert.fail("the kill did not run"));
    assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401, 401]);
    assert.match(
      output,
      /ANNOUNCE_FAILED: not every instance could be told of the new keys, so they do not sign yet/,
    );
    const enabled = (await managedKeys(scenario)).enabled;
    assert.deepEqual(enabled, ["jwks-break-glass-r3-RS256"]);
    assert.deepEqual(await admin.publishedKids(realm), [await signingKid(scenario)]);
  });

  test("repeated after kill -9 at any point: the same command converges, with the proof of the first canaries", async (t) => {
    const scenario = await adoptedScenario(t);
    await loseBackend(scenario);
    const points = [
      /\[canary\] canary tokens minted/,
      /\[cut-over\] \S+ \(RS256, \S+\) is disabled/,
      /\[verify\] /,
    ];
    for (const [index, line] of points.entries()) {
      const [rotation, incident] = [index + 2, `INC-${index + 2}`];
      const stolen = await steal(scenario);
      await killedAt(scenario.stack.spawnScript("kill", args(scenario, incident)), line);
      succeeded(await kill(scenario, incident));
      assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401, 401], String(line));
      assert.deepEqual(
        await proofLevels(scenario, incident, rotation),
        Array(3).fill("replayed"),
        String(line),
      );
      assert.equal((await managedKeys(scenario)).all.length, rotation, String(line));
      assert.deepEqual(await keptFiles(scenario), []);
    }
  });

  test("an instance hangs: red with the key dead; a lost machine and state don't make it green; the same command does once it is repaired", async (t) => {
    const scenario = await adoptedScenario(t, {
      config: { ...quickGiveUp, emergency: { budgetSeconds: 5 } },
    });
    const { stack, fleet } = scenario;
    const [, , third] = fleet.instances;
    const stolen = await steal(scenario);
    await loseBackend(scenario);
    const child = stack.spawnScript("kill", args(scenario, "INC-2"));
    // It hangs after it was seen to accept the canaries, as when a host is overloaded.
    const red = await signalledAt(child, /\[publish\] published/, "SIGCONT", () => third?.misbehave("hang"));
    assert.equal(red.exitCode, 1, red.output);
    assert.match(red.output, /RED {4}realm \S+: THE OLD KEYS ARE DEAD; not everything is proven/);
    assert.match(red.output, /VERIFICATION_FAILED[\s\S]*api-3/);
    assert.deepEqual((await statusesOf(scenario, stolen)).slice(0, 2), [401, 401]);
    assert.equal((await keptFiles(scenario)).length, 1);

    await third?.misbehave("none");
    await stack.init();
    await scenario.rotateTo(2, "INC-2");
    const up = failed(await stack.up());
    assert.match(up.output, /npm run kill for rotation 2, which has NOT proven/);
    assert.match(up.output, /VERIFICATION_FAILED[\s\S]*no canary tokens/);

    succeeded(await kill(scenario, "INC-2"));
    assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401, 401]);
    assert.deepEqual(await proofLevels(scenario, "INC-2", 2), Array(3).fill("replayed"));
    assert.deepEqual(await keptFiles(scenario), []);
    await loseBackend(scenario);
    await stack.init();
    succeeded(await stack.up());
  });

  test("without the API refresh token: said before and after, and red with the key dead where nothing else brings an instance round", async (t) => {
    const scenario = await adoptedScenario(t);
    const stolen = await steal(scenario);
    await scenario.stack.setConfig({ apiRefreshToken: undefined });
    const { exitCode, output } = await kill(scenario, "INC-2");
    assert.equal(exitCode, 1, output);
    assert.equal(
      output.split("there is no API refresh token: INSTANCES CAN'T BE REFRESHED").length,
      3,
      output,
    );
    assert.match(output, /THE OLD KEYS ARE DEAD; not everything is proven/);
    const { keysAfter } = await evidenceOf(scenario, "INC-2", 2);
    assert.equal(keysAfter.filter(({ status }) => status !== "DISABLED").length, 1);
    const given = { INTERNAL_JWKS_REFRESH_TOKEN: scenario.apiRefreshToken };
    succeeded(await kill(scenario, "INC-2", given));
    assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401, 401]);
  });

  test("Ctrl-C stops between two phases and says how far it is; the same command goes on", async (t) => {
    const scenario = await adoptedScenario(t);
    const child = scenario.stack.spawnScript("kill", args(scenario, "INC-2"));
    const { exitCode, output } = await signalledAt(child, /\[cut-over\] \S+ \(RS256\) is active/, "SIGINT");
    assert.equal(exitCode, 1, output);
    assert.match(output, /STOPPING at the next safe point[\s\S]*realm \S+: the new keys are published/);
    assert.match(output, /stopped: the old keys are DEAD at Keycloak; the instances were not told yet/);
    succeeded(await kill(scenario, "INC-2"));
    assert.deepEqual(await proofLevels(scenario, "INC-2", 2), Array(3).fill("replayed"));
  });

  test("an up that disabled the key was killed, and its state is gone: nothing here can prove it, so it is red", async (t) => {
    const scenario = await adoptedScenario(t);
    await scenario.rotateTo(2, "INC-2");
    await upKilledAt(scenario, /\[cut-over\] \S+ \(RS256, \S+\) is disabled/);
    const { exitCode, output } = await kill(scenario, "INC-2");
    assert.equal(exitCode, 1, output);
    // The mark that the up has left on the key says that nobody has proven it.
    assert.match(output, /api-1 can't be asked about kid \S+, for which there are no canary tokens/);
    await scenario.stack.cancel();
    succeeded(await scenario.stack.up());
    assert.deepEqual(await proofLevels(scenario, "INC-2", 2), Array(3).fill("replayed"));
  });

  test("two realms: both at the same time, one alone with --realm, and one that is red does not hold up the other", async (t) => {
    const { scenario, other, grant } = await twoRealms(t);
    const { realm, stack, fleet } = scenario;
    for (const name of [realm, other.realm]) await grant(name, needed);
    succeeded(await rotate(scenario, 1, "INC-1"));
    await loseBackend(scenario);
    const both = [realm, other.realm].join(",");

    const alone = ["--incident", "INC-2", "--realm", other.realm, "--yes", other.realm, "--json"];
    const one = succeeded(await stack.script("kill", alone));
    const first = JSON.parse(one.stdout) as KillOutcome;
    assert.deepEqual(
      [first.exitCode, first.rotation, first.realms.map((each) => [each.realm, each.result])],
      [0, 2, [[other.realm, "proven"]]],
    );
    assert.match(one.stderr, new RegExp(`Realm ${realm} is left alone now`));
    assert.equal((await evidenceOfRealm(scenario, "INC-2", 2, other.realm)).outcome, "verified");

    await fleet.instances[0]?.misbehave("keep-cache");
    const { exitCode, stdout } = await stack.script("kill", ["--incident", "INC-3", "--yes", both, "--json"]);
    const second = JSON.parse(stdout) as KillOutcome;
    assert.deepEqual(
      [exitCode, second.rotation, second.realms.map((each) => [each.realm, each.result])],
      [
        1,
        3,
        [
          [realm, "not-proven"],
          [other.realm, "proven"],
        ],
      ],
    );
    assert.ok(second.realms.every(({ alive, dead }) => alive.length === 0 && dead.length === 1));
    await fleet.instances[0]?.misbehave("none");
    succeeded(await stack.script("kill", ["--incident", "INC-3", "--yes", both]));
    for (const name of [realm, other.realm])
      assert.equal((await evidenceOfRealm(scenario, "INC-3", 3, name)).outcome, "verified");
  });

  test("no secret is in its output, its arguments or a file, while it runs and after a red run", async (t) => {
    const scenario = await adoptedScenario(t, { config: quickGiveUp });
    const { admin, realm, keycloak, apiRefreshToken, stack, fleet } = scenario;
    await stack.setConfig({
      freeze: "both",
      sessions: { revoke: "all" },
      internalKeys: ["hmac", "aes", "rsa-oaep"],
    });
    await fleet.instances[2]?.misbehave("keep-cache");
    const lists: string[] = [];
    const child = stack.spawnScript("kill", args(scenario, "INC-2"));
    const { exitCode, output } = await signalledAt(child, /\[publish\]/, "SIGCONT", async () => {
      while (child.exitCode === null) lists.push(await processList());
    });
    assert.equal(exitCode, 1, output);
    const clients = (await admin.get(`/${realm}/clients`)) as { clientId: string; id: string }[];
    const probes = clients.filter(({ clientId }) => clientId.startsWith("jwks-break-glass-probe-"));
    const secrets = await Promise.all(
      probes.map(
        async ({ id }) =>
          ((await admin.get(`/${realm}/clients/${id}/client-secret`)) as { value: string }).value,
      ),
    );
    const passphrase = stack.environment.PULUMI_CONFIG_PASSPHRASE ?? "";
    const files = await filesBelow(scenario.evidenceDir);
    assert.ok(files.some(({ path }) => path.includes("/.kill/")) && lists.length > 0 && secrets.length === 2);
    assert.match(lists.join("\n"), /scripts\/kill\.ts/);
    const places = [
      { path: "output", text: output },
      { path: "arguments", text: lists.join("\n") },
      ...files,
    ];
    for (const { path, text } of places) {
      const all = layers(text);
      for (const secret of [keycloak.adminClientSecret, apiRefreshToken, passphrase, ...secrets])
        assert.ok(secret.length > 8 && !all.includes(secret), `a secret is in ${path}`);
      assert.doesNotMatch(all, jwt, `a token is in ${path}`);
    }
  });

  test("refused before anything is touched: not confirmed, a wrong realm, a wrong passphrase, a wrong login", async (t) => {
    const scenario = await adoptedScenario(t);
    const { admin, realm, stack } = scenario;
    const look = async () => ({
      keys: await admin.keyComponents(realm),
      clients: await admin.get(`/${realm}/clients`),
      requests: await requestCount(scenario),
    });
    const before = await look();
    const refusals: [string[], Record<string, string>, RegExp][] = [
      [["--incident", "INC-2"], {}, /not confirmed: there is no terminal to ask on; give --yes shop-/],
      [["--incident", "INC-2", "--yes", "shop"], {}, /not confirmed: --yes names shop, and/],
      [args(scenario, "not a ticket"), {}, /incident: is not a ticket id/],
      [["--incident", "INC-2", "--realm", "bank"], {}, /--realm: the config has no realm bank/],
      [["--yes", realm], {}, /--incident is missing/],
      [
        args(scenario, "INC-2"),
        { PULUMI_CONFIG_PASSPHRASE: "wrong" },
        /keycloak:clientSecret can't be opened \(incorrect passphrase\): set KEYCLOAK_CLIENT_SECRET/,
      ],
      [
        args(scenario, "INC-2"),
        { PULUMI_CONFIG_PASSPHRASE: "wrong", KEYCLOAK_CLIENT_SECRET: "wrong" },
        /KEYCLOAK_LOGIN_REFUSED/,
      ],
    ];
    for (const [given, env, message] of refusals) {
      const { exitCode, output } = await stack.script("kill", given, { env });
      assert.equal(exitCode, 2, output);
      assert.match(output, message);
      assert.match(output, /nothing was touched/);
    }
    assert.deepEqual(await look(), before);
  });

  test("where no passphrase opens the config, as with a cloud's key: its secrets come from the environment", async (t) => {
    const scenario = await adoptedScenario(t);
    const { keycloak, apiRefreshToken } = scenario;
    const env = {
      PULUMI_CONFIG_PASSPHRASE: "not the one that made the config's salt",
      KEYCLOAK_CLIENT_SECRET: keycloak.adminClientSecret,
      INTERNAL_JWKS_REFRESH_TOKEN: apiRefreshToken,
    };
    succeeded(await kill(scenario, "INC-2", env));
    assert.deepEqual(await proofLevels(scenario, "INC-2", 2), Array(3).fill("replayed"));
  });
});
