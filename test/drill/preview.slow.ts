import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import type { OperationOptions, RunResult } from "../../scripts/lab/stack.ts";
import { refusingUrl } from "../operations/loopback-server.ts";
import { KeyJournal } from "./sequence-journal.ts";
import { afterOverlap, failed, scenarioFor, succeeded } from "./world.ts";

interface Previewed extends RunResult {
  markdown: string;
  /** The text, with this run's kids, realm, times and counts replaced by words. */
  golden: string;
}

/** Runs `npm run preview` and everything that it writes. */
async function preview(
  t: TestContext,
  scenario: Scenario,
  options: OperationOptions = {},
): Promise<Previewed> {
  const directory = await mkdtemp(join(tmpdir(), "preview-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [markdownFile, jsonFile] = [join(directory, `${randomUUID()}.md`), join(directory, "preview.json")];
  const result = await scenario.stack.script(
    "preview",
    ["--markdown", markdownFile, "--json", jsonFile],
    options,
  );
  const { stack } = JSON.parse(await readFile(jsonFile, "utf8")) as { stack: string };
  assert.equal(stack, "drill");
  const golden = result.stdout
    .replaceAll(scenario.realm, "REALM")
    .replaceAll(/kid [\w-]{43}/g, "kid KID")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/about \d+ s/g, "about N s")
    .replaceAll(/\d+ (to \w+)/g, "N $1")
    // The Pulumi CLI counts in another order than the local engine.
    .replace(/(?<=^resources +)N to .*/m, (counts) => counts.split(", ").toSorted().join(", "))
    .trim();
  return { ...result, markdown: await readFile(markdownFile, "utf8"), golden };
}

/** Everything that a preview must leave unchanged, and the requests that it must not send. */
async function traces({ admin, realm, fleet, stack }: Scenario): Promise<unknown> {
  return [
    await admin.keyComponents(realm),
    await admin.keys(realm),
    await admin.get(`/${realm}/clients`),
    await admin.get(`/${realm}/admin-events?max=1000`),
    await Promise.all(fleet.instances.map((one) => one.accessLog())),
    await stack.export(),
  ];
}

const estimate =
  "takes      about N s (an estimate; longer if instances must be restarted, or if a cache in front of the JWKS is slow)";

suite("npm run preview", () => {
  test("says what an up would do, from adoption to an emergency, and changes nothing anywhere", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2, config: { mode: "planned", rotation: 1 } });
    const { stack, keycloak, apiRefreshToken } = scenario;
    await KeyJournal.open(scenario);
    const seen: string[] = [];
    const look = async (options?: OperationOptions): Promise<Previewed> => {
      const before = await traces(scenario);
      const previewed = await preview(t, scenario, options);
      assert.deepEqual(await traces(scenario), before);
      seen.push(previewed.output, previewed.markdown);
      return previewed;
    };

    const adoption = succeededWith(await look());
    assert.equal(
      adoption.golden,
      `Stack drill: planned rotation 0 → 1

mode       planned
instances  2 in 1 target
${estimate}
resources  N to create

Realm REALM:
  - publish a new RS256 key for rotation 1, and make it the signer
  - kid KID (RS256, rsa-generated) no longer signs; its tokens are accepted for another 6 min, then the next update retires it (unmanaged: not created by this stack)

Users will notice:
  - Nothing: nobody is logged out. Tokens of the old key are accepted for another 6 min.`,
    );
    assert.match(
      adoption.markdown,
      /^<!-- jwks-break-glass preview: drill -->\n## Signing keys, stack drill: planned rotation 0 → 1\n/,
    );

    succeeded(await stack.up());
    assert.equal(
      succeededWith(await look()).golden,
      `Stack drill: nothing to do

mode       planned
instances  2 in 1 target
resources  no change

Realm REALM:
  - no key changes; the overlap ends at TIME, and the first update after that retires the old keys

Users will notice:
  - Nothing.`,
    );

    await stack.setConfig({ rotation: 2 });
    const early = await look();
    assert.equal(early.exitCode, 1);
    assert.match(
      early.golden,
      /^Stack drill: the update would be refused\n\nProblems \(nothing was touched\):\n {2}- rotation: 2 must wait, .*left\)/,
    );
    await stack.setConfig({
      mode: "emergency",
      incident: "INC-2",
      reason: "a | leak\n## of <b>keys</b> @team #1",
    });
    const escalation = succeededWith(await look());
    assert.equal(
      escalation.golden,
      `Stack drill: emergency rotation 1 → 2

Warnings:
  - stolen refresh tokens survive this rotation: every session can still get tokens of the new key; set sessions.revoke: all or internalKeys: [hmac] to end them (either makes everyone log in again)

mode       emergency
incident   INC-2
reason     a | leak ## of <b>keys</b> @team #1
instances  2 in 1 target
${estimate}
resources  N to replace, N to update

Realm REALM:
  - publish a new RS256 key for rotation 2, and make it the signer
  - disable kid KID (RS256, jwks-break-glass-r1-RS256) at once: its tokens are refused from then on
  - disable kid KID (RS256, rsa-generated) at once: its tokens are refused from then on (unmanaged: not created by this stack)

Users will notice:
  - Access tokens of the old keys are refused at once: clients get a new one with their refresh token, and nobody has to log in again.`,
    );
    assert.match(
      escalation.markdown,
      /\| reason \| a \\\| leak ## of &lt;b>keys&lt;\/b> @\u200bteam #\u200b1 \|/,
    );

    await stack.setConfig({ mode: "planned", rotation: 1, incident: undefined, reason: undefined });
    assert.equal(
      succeededWith(await look(afterOverlap)).golden,
      `Stack drill: retirement of the keys before rotation 1

mode       planned
instances  2 in 1 target
${estimate}
resources  N to update

Realm REALM:
  - retire kid KID (RS256, rsa-generated): its overlap ended at TIME; its tokens are refused from then on (unmanaged: not created by this stack)

Users will notice:
  - Nothing, unless a client kept an access token for longer than the overlap: that token is refused.`,
    );

    for (const text of seen)
      for (const secret of [keycloak.adminClientSecret, apiRefreshToken, "eyJ"])
        assert.ok(!text.includes(secret));
  });

  test("an unreachable Keycloak, a wrong config and a missing stack: exit 1, and the reason", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1, config: { mode: "planned", rotation: 1 } });
    const { stack } = scenario;
    await stack.setConfig({ "keycloak:url": await refusingUrl() });
    const down = failed(await preview(t, scenario));
    assert.match(down.stdout, /the update would be refused[\s\S]*KEYCLOAK_UNREACHABLE: .*connection refused/);
    await stack.setConfig({ "keycloak:url": scenario.keycloak.url, keySize: 1024, algorithms: ["RS1"] });
    const wrong = failed(await preview(t, scenario));
    assert.match(wrong.stdout, /- keySize: is not 2048, 3072 or 4096/);
    assert.match(wrong.stdout, /- algorithms\[0\]: is not one of RS256/);
    const other = failed(await stack.script("preview", ["--stack", "no-such-stack"]));
    assert.match(other.stderr, /^STACK_UNREADABLE: .*Next: check --stack/);
  });

  test("5,000 unreachable instances are counted, twenty are named, and the comment is not too long", async (t) => {
    const scenario = await scenarioFor(t, { instances: 0, config: { mode: "planned", rotation: 1 } });
    // Short URLs: the engine passes the config to the program in an environment variable, which holds 128 KiB.
    const instances = Array.from(
      { length: 5_000 },
      (_, index) => `http://127.${1 + Math.floor(index / 250)}.${index % 250}.1:1`,
    );
    await scenario.stack.setConfig({ targets: instances });
    const { stdout, markdown } = succeededWith(await preview(t, scenario));
    assert.match(stdout, /instances {2}5000 in 1 target, 5000 of them unreachable/);
    assert.match(stdout, /127\.1\.19\.1:1 and 4980 more\n/);
    assert.ok(!stdout.includes("127.1.20.1"));
    assert.ok(markdown.length < 64_000, `${markdown.length} characters`);
  });
});

function succeededWith(previewed: Previewed): Previewed {
  succeeded(previewed);
  return previewed;
}
