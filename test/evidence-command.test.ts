import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { BundleCheck } from "#operations/evidence/check/check-bundle";
import { publicJwkOf } from "#operations/evidence/sign-evidence";
import {
  bundleOf,
  ed25519,
  emergency,
  forge,
  redEmergency,
  signBundle,
  temporaryDirectory,
} from "./operations/evidence-bundles.ts";

const command = fileURLToPath(new URL("../scripts/evidence.ts", import.meta.url));

interface Answer {
  code: number | string;
  /** Everything that was printed. */
  text: string;
}

function evidence(...args: string[]): Promise<Answer> {
  return new Promise((done) => {
    execFile(process.execPath, [command, ...args], { timeout: 30_000 }, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, text: stdout + stderr }),
    );
  });
}

const pair = ed25519();
const privateLine = pair.privateKey.split("\n")[1] ?? "";

suite("npm run evidence -- verify", () => {
  test("a good bundle and its key, as the stack output gives it: exit code 0, and what was checked", async (t) => {
    const [directory, elsewhere] = [await bundleOf(t, emergency()), await temporaryDirectory(t)];
    await signBundle(directory, pair);
    const [key, json] = [join(elsewhere, "key.json"), join(elsewhere, "check.json")];
    await writeFile(key, JSON.stringify(await publicJwkOf(pair.privateKey)));
    const { code, text } = await evidence("verify", directory, "--key", key, "--json", json);
    assert.equal(code, 0, text);
    assert.match(text, /ok +SHA256SUMS is signed by key/);
    assert.match(
      text,
      /ok +This is the evidence of: emergency rotation 8 of realm shop, stack prod, incident INC-4711; verified/,
    );
    assert.match(text, /nothing is wrong with this bundle/);
    const { ok, findings }: BundleCheck = JSON.parse(await readFile(json, "utf8"));
    assert.equal(ok, true);
    assert.ok(findings.every(({ level }) => level === "ok"));
  });

  test("a red bundle is as good as a green one, and without a key the output says that the signature was not checked", async (t) => {
    const directory = await bundleOf(t, redEmergency());
    await signBundle(directory, pair);
    const { code, text } = await evidence("verify", directory);
    assert.equal(code, 0, text);
    assert.match(text, /note +The signature was not checked/);
    assert.match(text, /the bundle is consistent, but it is NOT AUTHENTICATED/);
    assert.match(text, /outcome \(failed\) follows/);
  });

  test("a changed byte: exit code 2, the file is named first, and the findings are written", async (t) => {
    const [directory, elsewhere] = [await bundleOf(t, emergency()), await temporaryDirectory(t)];
    const path = join(directory, "jwks-after.json");
    await writeFile(path, (await readFile(path, "utf8")).replace("RSA", "RSB"));
    const json = join(elsewhere, "check.json");
    const { code, text } = await evidence("verify", directory, "--json", json);
    assert.equal(code, 2, text);
    assert.match(text, /^WRONG +jwks-after\.json was changed/);
    assert.match(text, /1 thing is WRONG: do not rely on this bundle/);
    assert.equal((JSON.parse(await readFile(json, "utf8")) as BundleCheck).ok, false);
  });

  test("the wrong key, and a signature that was taken away: exit code 2", async (t) => {
    const [directory, elsewhere] = [await bundleOf(t, emergency()), await temporaryDirectory(t)];
    await signBundle(directory, pair);
    const key = join(elsewhere, "key.pem");
    await writeFile(key, ed25519().publicKey);
    const wrong = await evidence("verify", directory, "--key", key);
    assert.equal(wrong.code, 2, wrong.text);
    assert.match(wrong.text, /WRONG +evidence\.jws says kid/);
    await rm(join(directory, "evidence.jws"));
    const without = await evidence("verify", directory, "--key", key);
    assert.equal(without.code, 2, without.text);
    assert.match(without.text, /the signature was taken away/);
  });

  test("text from a forged bundle does not control the terminal", async (t) => {
    const directory = await bundleOf(t, emergency());
    await forge(directory, ({ verification }) => {
      for (const instance of verification?.instances ?? []) instance.instance += "\u001b[2J\u001b[1A\r\n";
    });
    const { code, text } = await evidence("verify", directory);
    assert.equal(code, 2, text);
    assert.match(text, /WRONG +api-1/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
    assert.doesNotMatch(text, /[\u001b\r]/);
  });

  test("no such directory, no bundle, no key file, a private key for a public one: exit code 1, and no secret", async (t) => {
    const [directory, elsewhere] = [await bundleOf(t, emergency()), await temporaryDirectory(t)];
    const key = join(elsewhere, "key.pem");
    await writeFile(key, pair.privateKey);
    const calls: [string[], RegExp][] = [
      [["verify", join(directory, "none")], /can't be read: ENOENT/],
      [["verify", elsewhere], /holds no evidence bundle/],
      [["verify", directory, "--key", join(elsewhere, "none")], /ENOENT/],
      [["verify", directory, "--key", key], /is a private key: checking needs only the public one/],
    ];
    for (const [args, said] of calls) {
      const { code, text } = await evidence(...args);
      assert.equal(code, 1, text);
      assert.match(text, said);
      assert.match(text, /^Could not tell/);
      assert.ok(!text.includes(privateLine), "a part of the private key was printed");
    }
  });

  test("findings that can't be written: exit code 1, or 2 where something is wrong; they are printed in either case", async (t) => {
    const [directory, elsewhere] = [await bundleOf(t, emergency()), await temporaryDirectory(t)];
    const json = join(elsewhere, "none", "check.json");
    const good = await evidence("verify", directory, "--json", json);
    assert.equal(good.code, 1, good.text);
    assert.match(good.text, /the bundle is consistent.*could not be written: ENOENT/s);
    await rm(join(directory, "report.md"));
    const bad = await evidence("verify", directory, "--json", json);
    assert.equal(bad.code, 2, bad.text);
    assert.match(bad.text, /WRONG +report\.md is missing/);
  });

  test("wrong arguments: exit code 1, and the usage; --help: exit code 0, and the usage", async () => {
    for (const args of [[], ["show"], ["verify"], ["verify", "a", "b"], ["verify", "a", "--what"]]) {
      const { code, text } = await evidence(...args);
      assert.equal(code, 1, args.join(" "));
      assert.match(text, /npm run evidence -- verify DIR/);
    }
    const { code, text } = await evidence("--help");
    assert.equal(code, 0);
    assert.match(
      text,
      /Exit code: 0 nothing is wrong, 2 something is wrong, 1 the bundle could not be checked/,
    );
  });
});
