import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
} from "jose";
import { messageOf } from "#operations/base/errors";
import { LabAdmin } from "../../scripts/lab/keycloak-realms.ts";
import { ellipticRealm } from "../operations/elliptic-realm.ts";
import { temporaryDirectory } from "../operations/evidence-bundles.ts";
import { sendJson, serve } from "../operations/loopback-server.ts";
import { refreshSettings } from "../operations/samples.ts";
import { configuredKeycloak, emergencySettings, wholeEmergency } from "./whole-emergency.ts";

/**
 * An API that never drops a key. Once it has been refreshed it refuses whatever `refuses` says, for another reason than the
 * key: so it refuses the canary tokens, and goes on taking other tokens of the stolen key.
 */
async function forgetfulApi(t: TestContext, issuer: string, refuses: (token: string) => boolean) {
  const certs = `${issuer}/protocol/openid-connect/certs`;
  const first = createLocalJWKSet((await (await fetch(certs)).json()) as JSONWebKeySet);
  const later = createRemoteJWKSet(new URL(certs), { cooldownDuration: 0 });
  let isStrict = false;
  const { url } = await serve(t, async (response, { url: path, headers }) => {
    if (path === refreshSettings.path) {
      isStrict = true;
      return sendJson(response, 200, {});
    }
    const token = headers.authorization?.replace("Bearer ", "") ?? "";
    const isGood = await jwtVerify(token, first)
      .catch(() => jwtVerify(token, later))
      .then(
        () => !(isStrict && refuses(token)),
        () => false,
      );
    response.writeHead(isGood ? 200 : 401).end();
  });
  return url;
}

const keycloakOf = configuredKeycloak();

suite("an API that refuses the canary tokens for another reason than the key", () => {
  for (const [title, refuses] of [
    [
      "they live too long",
      (token: string) => Number(decodeJwt(token).exp) - Number(decodeJwt(token).iat) > 3_600,
    ],
    ["their session was ended", (token: string) => String(decodeJwt(token).scope).includes("offline")],
  ] as const) {
    test(`${title}: not proven, because the control token is refused, too`, async (t) => {
      t.mock.method(console, "log", () => undefined);
      const lab = new LabAdmin(keycloakOf());
      const { name: realm } = await lab.createRealm(undefined, ellipticRealm);
      t.after(() => lab.deleteRealm(realm));
      const url = await forgetfulApi(t, lab.issuer(realm), refuses);
      const stolen = await lab.mint(realm, await lab.createClient(realm, "frontend"));
      const evidenceDir = await temporaryDirectory(t);
      const instances = [{ name: "api-1", url }];
      const settings = emergencySettings({ realm, rotation: 1, instances, evidenceDir });
      const end = await wholeEmergency(settings, "refresh-token-of-the-tests").then(() => "green", messageOf);
      const { status } = await fetch(`${url}/api/me`, { headers: { authorization: `Bearer ${stolen}` } });
      assert.equal(status, 200, "it still takes the stolen token");
      assert.match(
        end,
        /its control token of kid \S+ is not accepted either, so that is not for the key's sake/,
      );
    });
  }
});

test("a key that somebody has closed by name is not watched either: the run stays green", async (t) => {
  t.mock.method(console, "log", () => undefined);
  const lab = new LabAdmin(keycloakOf());
  const { name: realm } = await lab.createRealm(undefined, ellipticRealm);
  t.after(() => lab.deleteRealm(realm));
  const url = await forgetfulApi(t, lab.issuer(realm), () => false);
  const stolen = await lab.mint(realm, await lab.createClient(realm, "frontend"));
  const evidenceDir = await temporaryDirectory(t);
  const settings = emergencySettings({
    ...{ realm, rotation: 1, evidenceDir },
    instances: [{ name: "api-1", url }],
  });
  const { kid = "" } = decodeProtectedHeader(stolen);
  await wholeEmergency(
    {
      ...settings,
      acknowledge: [{ kid, reason: "the API is switched off", by: "test" }],
      emergency: { ...settings.emergency, watchSeconds: 1 },
    },
    "refresh-token-of-the-tests",
  );
  const { status } = await fetch(`${url}/api/me`, { headers: { authorization: `Bearer ${stolen}` } });
  assert.equal(status, 200, "it still takes the stolen token, for which somebody answers");
});
