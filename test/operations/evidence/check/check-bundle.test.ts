import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { type BundleCheck, checkBundle } from "#operations/evidence/check/check-bundle";
import { BundleUnreadableError } from "#operations/evidence/check/files";
import type { Findings } from "#operations/evidence/findings";
import { writeEvidence } from "#operations/evidence/write-evidence";
import {
  bundleOf,
  ed25519,
  emergency,
  forge,
  planned,
  redEmergency,
  rehash,
  restartedEmergency,
  signBundle,
  temporaryDirectory,
  watchedEmergency,
  withDenyLists,
} from "../../evidence-bundles.ts";
import { runContext } from "../../samples.ts";

const pair = ed25519();
const { publicKey } = pair;

async function signedBundle(t: TestContext, found: Findings = emergency()): Promise<string> {
  const directory = await bundleOf(t, found);
  await signBundle(directory, pair);
  return directory;
}

function errorsOf({ findings }: BundleCheck): string[] {
  return findings.filter(({ level }) => level === "error").map(({ what }) => what);
}

async function check(directory: string): Promise<string[]> {
  return errorsOf(await checkBundle(directory, { publicKey }));
}

const names = [
  "SHA256SUMS",
  "evidence.jws",
  "evidence.json",
  "jwks-after.json",
  "jwks-before.json",
  "report.html",
  "report.md",
];

suite("a bundle that was not changed", () => {
  const kinds: [string, () => Findings][] = [
    ["a green emergency", emergency],
    ["a red emergency", redEmergency],
    ["a planned rotation", planned],
    ["a run with a restarted pod", restartedEmergency],
    ["a run with proven deny-lists", withDenyLists],
    ["a run that ended before it found anything", () => ({ phases: [] })],
  ];
  for (const [kind, found] of kinds) {
    test(`${kind} is valid, without a warning`, async (t) => {
      const result = await checkBundle(await signedBundle(t, found()), { publicKey });
      assert.deepEqual(
        result.findings.filter(({ level }) => level !== "ok"),
        [],
      );
      assert.equal(result.ok, true);
    });
  }

  test("an instance that was called before and is not in the verification gives a warning", async (t) => {
    const found = emergency();
    const [first] = found.proof.verification.instances;
    assert.ok(first);
    const verification = { ...found.proof.verification, instances: [first] };
    const without = { ...found, proof: { ...found.proof, verification } };
    const { ok, findings } = await checkBundle(await signedBundle(t, without), { publicKey });
    assert.equal(ok, true);
    assert.ok(findings.some(({ what }) => what.startsWith("api-2 was called before the verification")));
  });

  test("a bundle of version 1 is valid: without a scope, control tokens, and forged tokens before the cut-over", async (t) => {
    const directory = await bundleOf(t, emergency());
    await forge(directory, (evidence) => {
      evidence.schemaVersion = 1;
      delete evidence.scope;
      delete evidence.verification?.controls;
      for (const { verdicts } of evidence.baseline) for (const known of verdicts) delete known.forged;
      for (const one of evidence.verification?.issuer ?? []) delete one.control;
      for (const one of evidence.verification?.instances ?? [])
        one.checks = one.checks.filter(({ check }) => check !== "control");
    });
    assert.deepEqual(errorsOf(await checkBundle(directory)), []);
  });

  test("an `earlier` that is a link does not belong to it", async (t) => {
    const directory = await signedBundle(t, emergency());
    await symlink(await temporaryDirectory(t), join(directory, "earlier"));
    const { ok, findings } = await checkBundle(directory, { publicKey });
    assert.equal(ok, false);
    assert.ok(findings.some(({ what }) => what === "earlier does not belong to the bundle."));
  });

  test("earlier attempts give a warning, as they are not checked", async (t) => {
    const context = runContext(await temporaryDirectory(t));
    await writeEvidence(context, redEmergency());
    const { directory } = await writeEvidence(context, emergency());
    await signBundle(directory, pair);
    const { ok, findings } = await checkBundle(directory, { publicKey });
    assert.equal(ok, true);
    assert.match(findings.find(({ level }) => level === "warning")?.what ?? "", /1 earlier attempts/);
    assert.equal((await checkBundle(join(directory, "earlier", "1"))).ok, true);
  });
});

suite("tampering", () => {
  test("any changed byte of the checksums and the signature is found, and some in every other file", async (t) => {
    const directory = await signedBundle(t);
    for (const name of names) {
      const path = join(directory, name);
      const bytes = await readFile(path);
      const isWhole = name === "SHA256SUMS" || name === "evidence.jws";
      const step = isWhole ? 1 : Math.ceil(bytes.length / 12);
      for (let at = 0; at < bytes.length; at += step) {
        const changed = Buffer.from(bytes);
        changed[at] = (bytes[at] ?? 0) ^ 1;
        await writeFile(path, changed);
        assert.notDeepEqual(await check(directory), [], `byte ${at} of ${name}`);
      }
      await writeFile(path, bytes);
    }
    assert.deepEqual(await check(directory), []);
  });

  for (const name of ["evidence.json", "report.md", "report.html", "jwks-before.json", "jwks-after.json"]) {
    test(`a changed ${name} is named, with and without a key`, async (t) => {
      const directory = await signedBundle(t);
      await writeFile(join(directory, name), `${await readFile(join(directory, name), "utf8")} `);
      for (const options of [{}, { publicKey }]) {
        const [first] = errorsOf(await checkBundle(directory, options));
        assert.equal(first, `${name} was changed: its SHA-256 is not the one in SHA256SUMS.`);
      }
    });
  }

  for (const name of names) {
    test(`a missing ${name} is named`, async (t) => {
      const directory = await signedBundle(t);
      await rm(join(directory, name));
      assert.ok((await check(directory)).some((what) => what.includes(name)));
    });
  }

  test("a truncated or lengthened file is found, the signature too", async (t) => {
    const directory = await signedBundle(t);
    for (const name of names) {
      const text = await readFile(join(directory, name), "utf8");
      for (const changed of [text.slice(0, -1), `${text}\n`, ""]) {
        await writeFile(join(directory, name), changed);
        assert.notDeepEqual(await check(directory), [], name);
      }
      await writeFile(join(directory, name), text);
    }
  });

  test("an extra file, folder or link is named", async (t) => {
    const directory = await signedBundle(t);
    await writeFile(join(directory, "notes.txt"), "");
    await writeFile(join(directory, ".report.md.partial"), "");
    await mkdir(join(directory, "more"));
    await symlink("/dev/null", join(directory, "link"));
    const errors = (await check(directory)).join("\n");
    for (const name of ["notes.txt", ".report.md.partial", "more", "link"]) {
      assert.ok(errors.includes(name), name);
    }
  });

  test("a file that is a link does not belong to the bundle", async (t) => {
    const [directory, other] = [await signedBundle(t), await signedBundle(t)];
    await rm(join(directory, "report.md"));
    await symlink(join(other, "report.md"), join(directory, "report.md"));
    assert.match((await check(directory)).join("\n"), /report\.md is missing/);
  });

  test("checksums that omit a file, list one twice, or point elsewhere are found", async (t) => {
    const directory = await signedBundle(t);
    const path = join(directory, "SHA256SUMS");
    const sums = await readFile(path, "utf8");
    const [first = ""] = sums.split("\n");
    const changes: [string, RegExp][] = [
      [sums.replace(`${first}\n`, ""), /does not list evidence\.json/],
      [`${sums}${first}\n`, /lists evidence\.json twice/],
      [`${sums}${"0".repeat(64)}  ../secret\n`, /line 6 is not a checksum/],
    ];
    for (const [text, problem] of changes) {
      await writeFile(path, text);
      await signBundle(directory, pair);
      assert.match((await check(directory)).join("\n"), problem);
    }
  });

  test("a report that does not match the evidence is found, even with matching checksums and signature", async (t) => {
    const directory = await signedBundle(t, redEmergency());
    for (const name of ["report.md", "report.html"]) {
      const path = join(directory, name);
      await writeFile(path, (await readFile(path, "utf8")).replace("FAILED", "VERIFIED"));
    }
    await rehash(directory);
    await signBundle(directory, pair);
    const [markdown, page] = await check(directory);
    assert.match(
      markdown ?? "",
      /^report\.md does not match evidence\.json, from line 1 on: it was changed, or another/,
    );
    assert.match(
      page ?? "",
      /^report\.html does not match evidence\.json, from line \d+ on: it was changed, or another/,
    );
  });

  test("evidence that contains a key twice is found: readers may take either", async (t) => {
    const directory = await signedBundle(t, redEmergency());
    const path = join(directory, "evidence.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace("{\n", '{\n  "outcome": "verified",\n'));
    await rehash(directory);
    assert.match((await check(directory)).join("\n"), /contains a key twice/);
  });

  for (const text of ["{}\n", "[]", "null", "not JSON"]) {
    test(`evidence.json of ${text.trim()} is reported as invalid`, async (t) => {
      const directory = await signedBundle(t);
      await writeFile(join(directory, "evidence.json"), text);
      await rehash(directory);
      assert.match((await check(directory)).join("\n"), /does not fit the schema|is not JSON/);
    });
  }
});

suite("what a check says of a bundle", () => {
  const said = ({ findings }: BundleCheck) => findings.map(({ what }) => what).join("\n");

  test("who wrote it is known only with the right key", async (t) => {
    const directory = await signedBundle(t);
    for (const [options, is] of [
      [{ publicKey }, true],
      [{ publicKey: ed25519().publicKey }, false],
      [{}, false],
    ] as const)
      assert.equal((await checkBundle(directory, options)).authenticated, is);
  });

  test("which rotation it is of, and for which incident", async (t) => {
    const directory = await bundleOf(t, emergency());
    const what = "This is the evidence of: emergency rotation 8 of realm shop, stack prod, incident";
    assert.ok(said(await checkBundle(directory)).includes(`${what} INC-4711; verified; written at`));
    await forge(directory, (evidence) => {
      evidence.incident = "";
    });
    assert.ok(said(await checkBundle(directory)).includes(`${what} none; verified; written at`));
  });

  test("how many instances, which window, and the watch only where there was one", async (t) => {
    const whole = said(await checkBundle(await bundleOf(t, watchedEmergency())));
    assert.match(whole, /The verdicts on 2 instances follow/);
    assert.match(whole, /The exposure window \(18000 ms\) follows/);
    assert.match(whole, /What the watch after the proof says follows/);
    const nothing = said(await checkBundle(await bundleOf(t, { phases: [] })));
    assert.match(nothing, /The verdicts on 0 instances follow/);
    assert.match(nothing, /The exposure window \(none given\) follows/);
    assert.doesNotMatch(nothing, /watch/);
  });

  test("a watch that contradicts itself is an error", async (t) => {
    const directory = await bundleOf(t, watchedEmergency());
    await forge(directory, ({ watch }) => void Object.assign(watch ?? {}, { rounds: 0 }));
    const errors = errorsOf(await checkBundle(directory));
    assert.deepEqual(errors, ["the watch has asked nobody, and is not marked as cut short."]);
  });

  test("a file that is missing is said once: nothing else is said to be wrong with it", async (t) => {
    for (const name of ["evidence.json", "report.md", "report.html", "jwks-before.json"]) {
      const directory = await bundleOf(t, emergency());
      await rm(join(directory, name));
      const errors = errorsOf(await checkBundle(directory));
      assert.deepEqual(errors, [`${name} is missing, but SHA256SUMS lists it.`]);
    }
  });

  test("an instance that was called is no warning where nothing was verified", async (t) => {
    const { proof: _proof, ...rest } = emergency();
    const { findings } = await checkBundle(await signedBundle(t, rest), { publicKey });
    assert.deepEqual(
      findings.filter(({ level }) => level === "warning"),
      [],
    );
  });

  for (const [text, problem] of [
    ["not JSON", /^evidence\.json is not JSON\.$/],
    ["null", /^evidence\.json does not fit the schema: it: /],
    ["{}\n", /^evidence\.json does not fit the schema: schemaVersion: [^;]*(; \w+: [^;]*){4}\.$/],
  ] as const)
    test(`evidence.json of ${text.trim()} is named as such, with five of its problems at most`, async (t) => {
      const directory = await bundleOf(t, emergency());
      await writeFile(join(directory, "evidence.json"), text);
      await rehash(directory);
      const [what, ...others] = errorsOf(await checkBundle(directory));
      assert.match(what ?? "", problem);
      assert.deepEqual(others, []);
    });

  test("evidence that was written otherwise is found by that alone", async (t) => {
    const directory = await bundleOf(t, emergency());
    const path = join(directory, "evidence.json");
    await writeFile(path, `${await readFile(path, "utf8")}\n`);
    await rehash(directory);
    const [what, ...others] = errorsOf(await checkBundle(directory));
    assert.match(what ?? "", /it was edited, or contains a key twice/);
    assert.deepEqual(others, []);
  });
});

suite("the signature", () => {
  test("without a key it is reported as not checked, with the key that it names", async (t) => {
    const { ok, findings } = await checkBundle(await signedBundle(t));
    assert.equal(ok, true);
    const warning = findings.find(({ level }) => level === "warning")?.what ?? "";
    assert.match(warning, /not checked, because no key was given\. It names key [\w-]{43}:/);
  });

  test("a bundle without one gives a warning, and an error where a key is given", async (t) => {
    const directory = await bundleOf(t, emergency());
    const { ok, findings } = await checkBundle(directory);
    assert.equal(ok, true);
    assert.match(findings.find(({ level }) => level === "warning")?.what ?? "", /it is not signed/);
    assert.match((await check(directory)).join("\n"), /a key was given: it was never signed/);
  });

  test("another key's signature is found, and both kids are named", async (t) => {
    const directory = await signedBundle(t);
    await signBundle(directory, ed25519());
    assert.match((await check(directory)).join("\n"), /says kid [\w-]{43}, but the given key is [\w-]{43}/);
  });

  test("another key's signature under the right kid is found", async (t) => {
    const directory = await signedBundle(t);
    const path = join(directory, "evidence.jws");
    const [header] = (await readFile(path, "utf8")).split(".");
    await signBundle(directory, ed25519());
    const [, payload, signature] = (await readFile(path, "utf8")).split(".");
    await writeFile(path, [header, payload, signature].join("."));
    assert.match((await check(directory)).join("\n"), /signature was not made with key/);
  });

  test("another bundle's signature is found, without a key too", async (t) => {
    const [directory, other] = [await signedBundle(t), await signedBundle(t, redEmergency())];
    await writeFile(join(directory, "evidence.jws"), await readFile(join(other, "evidence.jws")));
    for (const options of [{}, { publicKey }]) {
      const errors = errorsOf(await checkBundle(directory, options));
      assert.match(errors.join("\n"), /SHA256SUMS is not what evidence\.jws signs/);
    }
  });

  test("an empty signature with alg none is found", async (t) => {
    const directory = await signedBundle(t);
    const path = join(directory, "evidence.jws");
    const [header = "", payload] = (await readFile(path, "utf8")).split(".");
    const claims = JSON.parse(Buffer.from(header, "base64url").toString());
    const none = Buffer.from(JSON.stringify({ ...claims, alg: "none" })).toString("base64url");
    await writeFile(path, `${none}.${payload}.\n`);
    assert.match((await check(directory)).join("\n"), /signature was not made with key/);
  });

  for (const [what, key] of [
    ["a private key", pair.privateKey],
    ["text", "hello"],
    ["nothing", ""],
  ] as const) {
    test(`with ${what} as public key it can't be checked`, async (t) => {
      const directory = await signedBundle(t);
      await assert.rejects(checkBundle(directory, { publicKey: key }), BundleUnreadableError);
    });
  }
});

suite("what can't be checked", () => {
  test("a directory that does not exist, or contains no bundle", async (t) => {
    const directory = await temporaryDirectory(t);
    await assert.rejects(checkBundle(join(directory, "none")), /can't be read: ENOENT/);
    await assert.rejects(checkBundle(directory), /holds no evidence bundle/);
  });

  test("a check writes nothing", async (t) => {
    const directory = await signedBundle(t);
    const before = await readdir(directory);
    await check(directory);
    assert.deepEqual(await readdir(directory), before);
  });
});

suite("a bundle with a forged verdict and matching checksums", () => {
  test("is found by its signature and its facts, and without a key by its facts", async (t) => {
    const directory = await signedBundle(t, redEmergency());
    await forge(directory, (evidence) => {
      evidence.outcome = "verified";
    });
    const errors = await check(directory);
    assert.match(errors.join("\n"), /SHA256SUMS is not what evidence\.jws signs/);
    const facts = "outcome is verified, but verification.verified is false.";
    assert.ok(errors.includes(facts));
    assert.ok(errorsOf(await checkBundle(directory)).includes(facts));
  });
});
