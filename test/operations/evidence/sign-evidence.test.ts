import assert from "node:assert/strict";
import { createPublicKey, createSecretKey, generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader } from "jose";
import { publicJwkOf, readSigningKey, signManifest } from "#operations/evidence/sign-evidence";
import { toPems } from "../evidence-bundles.ts";

const pairs = {
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  ES384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
  EdDSA: generateKeyPairSync("ed25519"),
  PS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
};
const sums = `${"0".repeat(64)}  evidence.json\n`;

function problemsOf(text: string): string {
  const reading = readSigningKey(text);
  return reading.ok ? "" : reading.problems.join("; ");
}

suite("signManifest", () => {
  for (const [alg, pair] of Object.entries(pairs)) {
    test(`a key for ${alg} signs as PEM and as JWK, and its payload is the checksums`, async () => {
      const jwk = JSON.stringify(pair.privateKey.export({ format: "jwk" }));
      for (const key of [toPems(pair).privateKey, jwk]) {
        const jws = await signManifest(sums, key);
        const { payload, protectedHeader } = await compactVerify(jws, pair.publicKey);
        assert.equal(Buffer.from(payload).toString(), sums);
        assert.equal(protectedHeader.alg, alg);
      }
    });
  }

  test("the kid is the thumbprint of the public key, and the header contains no key", async () => {
    const header = decodeProtectedHeader(await signManifest(sums, toPems(pairs.ES256).privateKey));
    const kid = await calculateJwkThumbprint(pairs.ES256.publicKey.export({ format: "jwk" }));
    assert.deepEqual(header, { alg: "ES256", typ: "jwks-break-glass-evidence", kid });
  });

  test("a JWK's own alg is used", async () => {
    const jwk = JSON.stringify({ ...pairs.PS256.privateKey.export({ format: "jwk" }), alg: "RS512" });
    assert.equal(decodeProtectedHeader(await signManifest(sums, jwk)).alg, "RS512");
    assert.equal((await publicJwkOf(jwk)).alg, "RS512");
  });

  test("an unusable key is an error that names the config key and contains none of it", async () => {
    const { d, ...jwk } = pairs.ES256.privateKey.export({ format: "jwk" });
    await assert.rejects(signManifest(sums, JSON.stringify(jwk)), ({ message }: Error) => {
      assert.match(message, /^evidence\.signingKey is a public key/);
      assert.ok(!message.includes(jwk.x ?? ""));
      return true;
    });
    assert.ok(d);
  });
});

suite("publicJwkOf", () => {
  test("it has the public members only, for every type", async () => {
    for (const [alg, pair] of Object.entries(pairs)) {
      const jwk = await publicJwkOf(toPems(pair).privateKey);
      const secret = ["d", "p", "q", "dp", "dq", "qi", "k"].filter((name) => name in jwk);
      assert.deepEqual(secret, []);
      assert.equal(jwk.alg, alg);
      assert.ok(createPublicKey({ key: { ...jwk }, format: "jwk" }).equals(pair.publicKey));
    }
  });
});

suite("readSigningKey", () => {
  const jwkOf = (pair: (typeof pairs)[keyof typeof pairs]) => pair.privateKey.export({ format: "jwk" });
  const text = (value: unknown) => JSON.stringify(value);
  const ec = jwkOf(pairs.ES256);
  const refusals: [string, string, RegExp][] = [
    ["nothing", " ", /is empty/],
    ["a password", "correct horse battery staple", /neither a JWK \(JSON\) nor PEM/],
    ["broken JSON", '{"kty":"EC",', /not valid JSON/],
    ["a key set", text({ keys: [ec] }), /is a key set/],
    ["a public JWK", text(pairs.ES256.publicKey.export({ format: "jwk" })), /is a public key/],
    ["a public PEM", toPems(pairs.ES256).publicKey, /is a public key/],
    ["a symmetric JWK", text(createSecretKey(Buffer.alloc(32, 7)).export({ format: "jwk" })), /is symmetric/],
    ["an unsupported curve", text(secp256k1()), /is of type ec secp256k1/],
    ["Ed448", toPems(generateKeyPairSync("ed448")).privateKey, /is of type ed448/],
    ["short RSA", toPems(generateKeyPairSync("rsa", { modulusLength: 1024 })).privateKey, /RSA of 1024 bits/],
    ["an encryption key", text({ ...ec, use: "enc" }), /not for signatures/],
    ["a key that may not sign", text({ ...ec, key_ops: ["verify"] }), /may not sign/],
    ["another type's alg", text({ ...ec, alg: "RS256" }), /none of ES256/],
    ["members that form no key", text({ ...ec, x: "AAAA" }), /don't form a key|belong together/],
    ["another key's private part", text(mixed()), /don't form a key|belong together/],
    ["a passphrase", encrypted(), /is encrypted/],
    ["invalid PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", /can't be read/],
  ];
  for (const [what, value, problem] of refusals) {
    test(`${what} is rejected, in words that contain none of it`, () => {
      const problems = problemsOf(value);
      assert.match(problems, problem);
      const material = value.match(/[\w+/-]{20,}/g) ?? [];
      assert.deepEqual(
        material.filter((part) => problems.includes(part)),
        [],
      );
    });
  }

  function secp256k1() {
    return generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey.export({ format: "jwk" });
  }

  function mixed() {
    const { d } = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
    return { ...ec, d };
  }

  function encrypted(): string {
    const options = { format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "secret" } as const;
    return pairs.ES256.privateKey.export(options).toString();
  }
});
