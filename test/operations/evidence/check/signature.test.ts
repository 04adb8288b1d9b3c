import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CompactSign } from "jose";
import { BundleUnreadableError } from "#operations/evidence/check/files";
import { checkSignature, verificationKey } from "#operations/evidence/check/signature";
import { readSigningKey } from "#operations/evidence/evidence-key";
import { evidenceType, signManifest, thumbprintOf } from "#operations/evidence/sign-evidence";
import { ed25519 } from "../../evidence-bundles.ts";

const [pair, other] = [ed25519(), ed25519()];
const key = verificationKey(pair.publicKey);
const kid = await thumbprintOf(key.key);
const sums = "the checksums\n";
const whole = `${await signManifest(sums, pair.privateKey)}\n`;

/** Signed by the right key, with another header. */
async function signedWith(header: Record<string, unknown>): Promise<string> {
  const reading = readSigningKey(pair.privateKey);
  assert.ok(reading.ok);
  const protectedHeader = { alg: "EdDSA", typ: evidenceType, kid, ...header };
  const jws = new CompactSign(Buffer.from(sums)).setProtectedHeader(protectedHeader);
  return `${await jws.sign(reading.key.key)}\n`;
}

/** The last of 86 characters has four bits that readers ignore. */
function withIdleBits(text: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = text.at(-2) ?? "";
  return `${text.slice(0, -2)}${alphabet[alphabet.indexOf(last) + 1]}\n`;
}

interface Given {
  isKeyGiven?: boolean;
  /** Text of SHA256SUMS; null where it is missing. Default: that which was signed. */
  signed?: string | null;
}

async function check(text: string | undefined, { isKeyGiven = true, signed = sums }: Given = {}) {
  const texts = new Map<string, string>();
  if (text !== undefined) texts.set("evidence.jws", text);
  if (signed !== null) texts.set("SHA256SUMS", signed);
  return checkSignature(texts, isKeyGiven ? key : undefined);
}

const notOne = /^evidence\.jws is not the signature of an evidence bundle/;
const notAsWritten = /^evidence\.jws was changed: it is not encoded as it was written/;
const byOther = `${await signManifest(sums, other.privateKey)}\n`;
const [header] = whole.split(".");
const parts = byOther.split(".");

const rows: [title: string, text: string | undefined, problem: RegExp][] = [
  ["that is missing", undefined, /^The bundle has no evidence\.jws, but a key was given/],
  ["that is empty", "", notOne],
  ["that is text", "hello\n", notOne],
  ["that was made for something else", await signedWith({ typ: "JWT" }), notOne],
  ["that names no key", await signedWith({ kid: undefined }), notOne],
  ["whose key's name is no text, but reads like one", await signedWith({ kid: [kid] }), notOne],
  ["whose key's name is no thumbprint", await signedWith({ kid: `${kid}\u001b[2K` }), notOne],
  ["whose key's name is longer than a thumbprint", await signedWith({ kid: `x${kid}` }), notOne],
  ["without its line break", whole.slice(0, -1), notAsWritten],
  ["with another end than its line break", `${whole.slice(0, -1)}x`, notAsWritten],
  ["with idle bits set", withIdleBits(whole), notAsWritten],
  ["with as many parts as an encrypted token", `${whole.slice(0, -1)}..\n`, notAsWritten],
  ["with any other number of parts", `${whole.slice(0, -1)}.\n`, notOne],
  ["of another key", byOther, /^evidence\.jws says kid [\w-]{43}, but the given key is [\w-]{43}/],
  [
    "of another key under the right name",
    [header, ...parts.slice(1)].join("."),
    /^The signature was not made with key [\w-]{43}: evidence\.jws was changed/,
  ],
];

suite("a key to check with", () => {
  for (const [title, text] of [
    ["that is private", pair.privateKey],
    ["that is text", "hello"],
    ["that is empty", ""],
  ] as const)
    test(`${title} can't be used`, () => {
      assert.throws(() => verificationKey(text), BundleUnreadableError);
    });
});

suite("a signature", () => {
  test("of the checksums by the given key is valid", async () => {
    assert.deepEqual(await check(whole), [{ level: "ok", what: `SHA256SUMS is signed by key ${kid}.` }]);
  });

  for (const [title, text, problem] of rows)
    test(`${title} is found`, async () => {
      const findings = await check(text);
      assert.ok(findings.length > 0);
      assert.ok(findings.every(({ level }) => level === "error"));
      assert.match(findings.map(({ what }) => what).join("\n"), new RegExp(problem.source, "m"));
    });

  test("with idle bits set is found by that alone, for it is valid", async () => {
    assert.equal((await check(withIdleBits(whole))).length, 1);
  });

  test("of other checksums is found by that alone, and without a key as well", async () => {
    const changed = {
      level: "error",
      what: "SHA256SUMS is not what evidence.jws signs: it was changed, or comes from another bundle.",
    };
    const signed = "other checksums\n";
    assert.deepEqual(await check(whole, { signed }), [changed]);
    const [first, second] = await check(whole, { isKeyGiven: false, signed });
    assert.deepEqual(first, changed);
    assert.equal(second?.level, "warning");
  });

  test("of checksums that are missing says nothing of them: that is found elsewhere", async () => {
    assert.deepEqual(
      (await check(whole, { signed: null })).map(({ level }) => level),
      ["ok"],
    );
  });

  test("that is not checked, or not there, is a warning where no key is given", async () => {
    for (const [text, what] of [
      [whole, /^The signature was not checked, because no key was given/],
      [undefined, /^The bundle has no evidence\.jws: it is not signed/],
    ] as const) {
      const [finding, ...others] = await check(text, { isKeyGiven: false });
      assert.equal(finding?.level, "warning");
      assert.match(finding.what, what);
      assert.deepEqual(others, []);
    }
  });
});
