import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { compactVerify, importJWK, type JWK } from "jose";
import { filesBelow, jwt, layers, processList } from "./secret-hunt.ts";
import { adoptedScenario, succeeded } from "./world.ts";

suite("no secret anywhere", () => {
  test("admin secret, refresh token, probe secrets, canary and fresh tokens are in no state, output, evidence or process list", async (t) => {
    const output: string[] = [];
    const scenario = await adoptedScenario(t, { onLine: (line) => output.push(line) });
    const { admin, realm, keycloak, apiRefreshToken, stack } = scenario;
    const everything = {
      freeze: "both",
      sessions: { revoke: "all" },
      internalKeys: ["hmac", "aes", "rsa-oaep"],
    };
    await scenario.rotateTo(2, "INC-2", everything);
    const signingKey = generateKeyPairSync("ed25519")
      .privateKey.export({ format: "pem", type: "pkcs8" })
      .toString();
    await stack.setConfig({}, { evidence: JSON.stringify({ signingKey }) });
    let running = true;
    const lists: string[] = [];
    const watching = (async () => {
      while (running) {
        lists.push(await processList());
        await delay(100);
      }
    })();
    succeeded(await stack.preview(["--diff"]));
    succeeded(await stack.up(["--diff"]));
    running = false;
    await watching;
    succeeded(await stack.refresh());

    const clients = (await admin.get(`/${realm}/clients`)) as { clientId: string; id: string }[];
    const probes = clients.filter(({ clientId }) => clientId.startsWith("jwks-break-glass-probe-"));
    const secrets = await Promise.all(
      probes.map(
        async ({ id }) =>
          ((await admin.get(`/${realm}/clients/${id}/client-secret`)) as { value: string }).value,
      ),
    );
    assert.equal(secrets.length, 2);
    const plain = await stack.outputs({ showSecrets: true });
    assert.equal(plain.apiRefreshToken, apiRefreshToken);
    const evidenceKey = await importJWK(plain.evidenceKey as JWK);
    assert.deepEqual(createPublicKey(signingKey).export({ format: "jwk" }).x, (plain.evidenceKey as JWK).x);

    const evidence = await filesBelow(scenario.evidenceDir);
    const signature = evidence.find(({ path }) => path.endsWith("/2/evidence.jws"));
    const { payload } = await compactVerify(signature?.text.trim() ?? "", evidenceKey);
    const sums = evidence.find(({ path }) => path.endsWith("/2/SHA256SUMS"));
    assert.equal(Buffer.from(payload).toString(), sums?.text);

    const places = [
      { path: "output", text: output.join("\n") },
      { path: "process list", text: lists.join("\n") },
      { path: "export", text: JSON.stringify(await stack.export()) },
      ...(await filesBelow(join(scenario.directory, "backend"))),
      ...evidence.filter(({ path }) => path !== signature?.path),
    ];
    assert.ok(lists.length > 3 && places.length > 10);
    assert.match(lists.join("\n"), /dynamic-provider/);
    const keyBody = signingKey.split("\n")[1] ?? "";
    assert.ok(keyBody.length > 40);
    for (const { path, text } of places) {
      const all = layers(text);
      for (const secret of [keycloak.adminClientSecret, apiRefreshToken, keyBody, ...secrets]) {
        assert.ok(!all.includes(secret), `a secret is in ${path}`);
      }
      assert.doesNotMatch(all, jwt, `a token is in ${path}`);
    }
  });

  test("the search itself finds a secret that is there, plain or in base64", () => {
    const secret = "0123456789abcdef-secret";
    assert.ok(layers(`x ${secret} y`).includes(secret));
    assert.ok(layers(`x ${Buffer.from(`key=${secret}`).toString("base64")} y`).includes(secret));
    assert.match(layers("token eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJ0ZXN0In0.c2lnbmF0dXJl end"), jwt);
  });
});
