import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { evidenceOf, kidOf, scenarioFor, succeeded } from "../drill/world.ts";
import { call } from "../lab/sample-api/calls.ts";
import { examples, sourceDir, startExample } from "./example-server.ts";
import { missingFor } from "./program.ts";

suite("the examples in docs/examples", () => {
  test("are taken over and rotated with sessions, deny-list and freeze, beside each other, all proven by replay", async (t) => {
    const scenario = await scenarioFor(t, { instances: 0 });
    const { admin, realm, stack, apiRefreshToken } = scenario;
    const env = { ISSUER: admin.issuer(realm), INTERNAL_JWKS_REFRESH_TOKEN: apiRefreshToken };
    const runnable = await Promise.all(
      examples.map(async (one) => ((await missingFor(one)) === undefined ? [one] : [])),
    );
    const instances = await Promise.all(
      runnable.flat().map(async (example) => {
        const server = await startExample(example, env);
        t.after(() => server.stop());
        return { name: example.language, url: server.url };
      }),
    );
    const client = await admin.createClient(realm, "frontend");
    await admin.createUser(realm, "mallory", { password: "mallory-password", realmRoles: ["admin"] });
    const statuses = async (method: "GET" | "POST", token: string) =>
      Object.fromEntries(
        await Promise.all(
          instances.map(async ({ name, url }) => [
            name,
            (await call({ url }, method, "/api/admin", token)).status,
          ]),
        ),
      );
    const everywhere = <T>(value: T) => Object.fromEntries(instances.map(({ name }) => [name, value]));

    await stack.setConfig({ targets: instances, mode: "planned", rotation: 1, incident: undefined });
    succeeded(await stack.up());
    const stolen = await admin.login(realm, client, "mallory", "mallory-password");
    assert.deepEqual(await statuses("GET", stolen.access_token), everywhere(200));

    const sessions = { revoke: { users: ["mallory"] } };
    await stack.setConfig({ mode: "emergency", incident: "INC-2", rotation: 2, freeze: "api", sessions });
    succeeded(await stack.up());
    const { verification, freeze } = await evidenceOf(scenario, "INC-2", 2);
    assert.deepEqual(
      Object.fromEntries(verification?.instances.map(({ instance, proof }) => [instance, proof]) ?? []),
      everywhere("replayed"),
    );
    assert.deepEqual(
      Object.fromEntries(verification?.denyList?.map(({ instance, ok }) => [instance, ok]) ?? []),
      everywhere(true),
    );
    assert.equal(freeze?.instances.length, instances.length);
    assert.deepEqual(await statuses("GET", stolen.access_token), everywhere(401));
    // Thawed, and the new key is known: a new login may write.
    const fresh = await admin.login(realm, client, "mallory", "mallory-password");
    assert.notEqual(kidOf(fresh.access_token), kidOf(stolen.access_token));
    assert.deepEqual(await statuses("POST", fresh.access_token), everywhere(200));
  });

  test("hold what docs/prepare-an-api.md shows of them, word for word", async () => {
    const page = await readFile(join(sourceDir("go"), "../../prepare-an-api.md"), "utf8");
    const files = [
      "typescript/server.ts",
      "typescript/cluster.ts",
      "go/main.go",
      "java/src/main/java/Api.java",
      "python/server.py",
      "python-workers/shared_keys.py",
    ];
    for (const file of files) {
      const excerpt = excerptOf(page, `examples/${file}`);
      const source = await readFile(join(sourceDir("go"), "..", file), "utf8");
      assert.ok(unindented(source).includes(excerpt), `the excerpt is not in ${file}:\n${excerpt}`);
    }
  });

  test("in TypeScript uses the jose that this project uses", async () => {
    const [ours, theirs] = await Promise.all(
      ["../../../package.json", "package.json"].map(async (file) => {
        const text = await readFile(join(sourceDir("typescript"), file), "utf8");
        return (JSON.parse(text) as { dependencies: Record<string, string> }).dependencies.jose;
      }),
    );
    assert.equal(theirs, ours);
  });
});

/** The indented block that follows the link to a file. */
function excerptOf(page: string, link: string): string {
  const rest = page.split(`](${link})`)[1] ?? assert.fail(`no link to ${link}`);
  const block = /\n\n((?: {4}.*\n|\n)+)/.exec(rest)?.[1] ?? assert.fail(`no excerpt after ${link}`);
  return unindented(block).trim();
}

/** Without what stands before and after each line: a method's excerpt is not indented as in its class. */
function unindented(text: string): string {
  return text
    .split("\n")
    .map((line) => line.trim())
    .join("\n");
}
