import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { compactVerify, importJWK, type JWK } from "jose";
import { adoptedScenario, succeeded } from "./world.ts";

/** A JWT anywhere in a text: what no log, state or evidence may hold. */
const jwt = /eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/;

/** A text, and what of it decodes from base64: a secret must be in neither. */
function layers(text: string): string {
  const chunks = text.match(/[A-Za-z0-9+/_-]{16,}={0,2}/g) ?? [];
  const decoded = chunks.map((chunk) => Buffer.from(chunk, "base64").toString("latin1"));
  return [text, ...decoded].join("\n");
}

async function filesBelow(directory: string): Promise<{ path: string; text: string }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (path) => ({ path, text: await readFile(path, "utf8") })));
}

/** The arguments of this process and of all that it has started: what else runs on the machine is not ours to judge. */
async function processList(): Promise<string> {
  const { stdout } = await promisify(execFile)("ps", ["-eo", "pid=,ppid=,args="], {
    maxBuffer: 16 * 1024 * 1024,
  });
  const all = stdout.split("\n").flatMap((line) => {
    const [, pid = "", parent = "", text = ""] = /^\s*(\d+)\s+(\d+)\s(.*)$/.exec(line) ?? [];
    return pid === "" ? [] : [{ pid, parent, text }];
  });
  const own = new Set([String(process.pid)]);
  for (let size = 0; size !== own.size; ) {
    size = own.size;
    for (const { pid, parent } of all) if (own.has(parent)) own.add(pid);
  }
  return all.flatMap(({ pid, text }) => (own.has(pid) ? text : [])).join("\n");
}

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
