import assert from "node:assert/strict";
import { createHmac, createPublicKey, type JsonWebKey } from "node:crypto";
import { suite, test } from "node:test";
import { compactVerify } from "jose";
import { type ForgedToken, type Forgery, forgeTokens } from "#operations/canaries/forged-tokens";
import type { PublishedJwks } from "#operations/keycloak/jwks";
import { localKeys, partOf, signingRealm, soundVerifier } from "../signing-realm.ts";

const families = ["RS256", "PS256", "ES256", "EdDSA"];
const realm = await signingRealm(Object.fromEntries(families.map((algorithm) => [algorithm, algorithm])));
const jwks = realm.jwks(...families);
const fresh = await Promise.all(families.map((kid) => realm.mint(kid)));
const forged = await forgeTokens(fresh, jwks);

function one(forgery: Forgery, algorithm: string): ForgedToken {
  const found = forged.find((token) => token.forgery === forgery && token.algorithm === algorithm);
  assert.ok(found, `no ${forgery} for ${algorithm}`);
  return found;
}

function publicPem(kid: string): string {
  const key = jwks.keys.find((jwk) => jwk.kid === kid) as JsonWebKey;
  return createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "pem" }).toString();
}

/** A verifier with the mistake that the forgeries look for: it takes `alg` from the token. */
async function laxVerifier(token: string, keys: PublishedJwks): Promise<boolean> {
  const { alg, kid } = partOf(token, 0);
  const [header = "", claims = "", signature = ""] = token.split(".");
  if (alg === "none") return signature === "";
  if (alg === "HS256") {
    const mac = createHmac("sha256", publicPem(String(kid))).update(`${header}.${claims}`);
    return mac.digest("base64url") === signature;
  }
  return compactVerify(token, localKeys(keys)).then(
    () => true,
    () => false,
  );
}

suite("forgeTokens", () => {
  test("each algorithm gets each of the four forgeries", () => {
    const made = forged.map(({ forgery, algorithm }) => `${algorithm} ${forgery}`).toSorted();
    const kinds = ["alg-none", "hs256-confusion", "unknown-kid", "wrong-signature"];
    assert.deepEqual(
      made,
      families.flatMap((algorithm) => kinds.map((kind) => `${algorithm} ${kind}`)).toSorted(),
    );
  });

  test("the fresh tokens that they are made of are sound", async () => {
    for (const { token } of fresh) assert.equal(await soundVerifier(token, jwks), true);
  });

  for (const algorithm of families) {
    test(`${algorithm}: every forgery carries the fresh token's claims, so that only the forgery is wrong`, () => {
      const claims = partOf(fresh.find((token) => token.algorithm === algorithm)?.token ?? "", 1);
      for (const token of forged.filter((each) => each.algorithm === algorithm)) {
        assert.deepEqual(partOf(token.token, 1), claims);
      }
    });

    test(`${algorithm}: a sound verifier rejects every forgery`, async () => {
      for (const { forgery, token } of forged.filter((each) => each.algorithm === algorithm)) {
        assert.equal(await soundVerifier(token, jwks), false, forgery);
      }
    });

    test(`${algorithm}: wrong-signature has the real kid and algorithm over a signature by another key`, async () => {
      const { token } = one("wrong-signature", algorithm);
      assert.deepEqual(partOf(token, 0), { alg: algorithm, kid: algorithm, typ: "JWT" });
      await assert.rejects(compactVerify(token, localKeys(jwks)), {
        code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
      });
    });

    test(`${algorithm}: unknown-kid has a kid that the realm does not publish`, async () => {
      const { token } = one("unknown-kid", algorithm);
      assert.equal(partOf(token, 0).alg, algorithm);
      await assert.rejects(compactVerify(token, localKeys(jwks)), {
        code: "ERR_JWKS_NO_MATCHING_KEY",
      });
    });

    test(`${algorithm}: alg-none says none, has the real kid and an empty signature`, () => {
      const { token } = one("alg-none", algorithm);
      assert.deepEqual(partOf(token, 0), { alg: "none", kid: algorithm, typ: "JWT" });
      assert.match(token, /^[^.]+\.[^.]+\.$/);
    });

    test(`${algorithm}: hs256-confusion is a true HMAC with the public key's PEM as secret`, () => {
      const { token } = one("hs256-confusion", algorithm);
      assert.deepEqual(partOf(token, 0), { alg: "HS256", kid: algorithm, typ: "JWT" });
      const [header, claims, signature] = token.split(".");
      const mac = createHmac("sha256", publicPem(algorithm))
        .update(`${header}.${claims}`)
        .digest("base64url");
      assert.equal(signature, mac);
    });

    test(`${algorithm}: a verifier that takes alg from the token falls for alg-none and hs256-confusion`, async () => {
      const taken = await Promise.all(
        forged
          .filter((each) => each.algorithm === algorithm)
          .map(async ({ forgery, token }) => ((await laxVerifier(token, jwks)) ? forgery : undefined)),
      );
      assert.deepEqual(taken.filter(Boolean).toSorted(), ["alg-none", "hs256-confusion"]);
    });
  }

  test("a key that is not in the published set is an error and not a missing forgery", async () => {
    await assert.rejects(forgeTokens(fresh, { keys: [] }), /the published set has no /);
  });

  test("no fresh token, no forgery", async () => {
    assert.deepEqual(await forgeTokens([], jwks), []);
  });
});
