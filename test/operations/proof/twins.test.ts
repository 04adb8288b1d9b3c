import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { SignJWT } from "jose";
import type { Canary, MintedToken } from "#operations/canaries/canary";
import { twinOf } from "#operations/proof/twins";
import { at } from "../samples.ts";

async function minted(kid: string, algorithm: string, iat: number): Promise<MintedToken> {
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: "HS256" })
    .setIssuedAt(iat)
    .sign(new Uint8Array(32));
  return { token, kid, algorithm, jti: `${kid}-${iat}`, expiresAt: at(36_000) };
}

async function canary(algorithm: string, iat: number): Promise<Canary> {
  const token = await minted("old", algorithm, iat);
  return { kid: "old", algorithm, seen: token, unseen: token };
}

const old = {
  before: await canary("RS256", 50),
  after: await canary("RS256", 250),
  sameSecond: await canary("RS256", 200),
  other: await canary("PS256", 50),
};
const before = [await minted("es", "ES256", 100), await minted("rs", "RS256", 100)];
const later = await minted("rs", "RS256", 300);

suite("the control token of a key's canary tokens", () => {
  for (const [title, which, controls, notBefore, expected] of [
    ["is of the same algorithm", "before", before, 0, "rs-100"],
    ["is of another, where none of its own signs any more", "other", before, 0, "es-100"],
    ["is none where none was minted", "before", [], 0, undefined],
    ["is none from after the end of the sessions, for one from before", "before", [later], 200, undefined],
    ["is one from before it, too", "before", [later, ...before], 200, "rs-100"],
    ["is one from after it, for one from after it", "after", [...before, later], 200, "rs-300"],
    ["may be of the very second", "sameSecond", [later], 200, "rs-300"],
  ] as const)
    test(title, () => {
      assert.equal(twinOf(old[which], controls, notBefore)?.jti, expected);
    });
});
