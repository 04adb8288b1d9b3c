import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { stringify } from "yaml";
import { Refused } from "../../scripts/kill/refused.ts";
import { stackValues } from "../../scripts/kill/stack-values.ts";
import { projectDir } from "../../scripts/lab/scenario-project.ts";
import { type Crypter, newCrypter } from "../../scripts/stack-file/passphrase.ts";

const passphrase = "correct horse";
const secret = "the-admin-clients-secret";
const token = "the-token-of-the-instances";
const crypters = new Map<string, Promise<Crypter>>();

/** Derived once: it is slow on purpose. */
function crypter(): Promise<Crypter> {
  const known = crypters.get(passphrase) ?? newCrypter(passphrase);
  crypters.set(passphrase, known);
  return known;
}

/** A stack's file with these values, and more of its top level. */
async function stackFile(
  t: TestContext,
  config: Record<string, unknown>,
  top: Record<string, unknown> = {},
): Promise<{ stack: string; projectDir: string; configFile: string }> {
  const directory = await mkdtemp(join(tmpdir(), "kill-stack-"));
  t.after(() => rm(directory, { recursive: true }));
  const configFile = join(directory, "Pulumi.prod.yaml");
  await writeFile(configFile, stringify({ ...top, config }));
  return { stack: "prod", projectDir, configFile };
}

async function refusal(work: Promise<unknown>): Promise<readonly string[]> {
  const error = await work.then(
    () => assert.fail("it was not refused"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Refused, String(error));
  return error.problems;
}

const cloud = { secretsprovider: "awskms://alias/prod", encryptedkey: "AQICAHg=" };
const unopenable = {
  "keycloak:clientSecret": { secure: "v1:AAAA:BBBB" },
  "jwks-break-glass:apiRefreshToken": { secure: "v1:AAAA:CCCC" },
  "jwks-break-glass:notify": { url: { secure: "v1:AAAA:DDDD" } },
  "jwks-break-glass:realm": "shop",
};

suite("the stack's config without a backend", () => {
  test("the passphrase opens encrypted values, also inside of objects; defaults are the project's", async (t) => {
    const by = await crypter();
    const place = await stackFile(
      t,
      {
        "keycloak:clientSecret": { secure: by.encrypt(secret) },
        "jwks-break-glass:notify": { url: { secure: by.encrypt("https://hook.example.com/x") } },
        "jwks-break-glass:targets": ["https://api-1.example.com"],
      },
      { encryptionsalt: by.salt },
    );
    const { project, values, warnings } = await stackValues(place, { PULUMI_CONFIG_PASSPHRASE: passphrase });
    assert.equal(project, "jwks-break-glass");
    assert.equal(values["keycloak:clientSecret"], secret);
    assert.equal(values["jwks-break-glass:notify"], '{"url":"https://hook.example.com/x"}');
    assert.equal(values["jwks-break-glass:targets"], '["https://api-1.example.com"]');
    assert.equal(values["jwks-break-glass:keepRetired"], "1");
    assert.deepEqual(warnings, []);
  });

  test("the passphrase may be in a file", async (t) => {
    const by = await crypter();
    const config = { "keycloak:clientSecret": { secure: by.encrypt(secret) } };
    const place = await stackFile(t, config, { encryptionsalt: by.salt });
    const file = `${place.configFile}.passphrase`;
    await writeFile(file, `${passphrase}\n`);
    const { values } = await stackValues(place, { PULUMI_CONFIG_PASSPHRASE_FILE: file });
    assert.equal(values["keycloak:clientSecret"], secret);
  });

  test("another secrets provider is not asked: each needed value is refused with its variable, and what can be missed is said", async (t) => {
    const place = await stackFile(t, unopenable, cloud);
    assert.deepEqual(await refusal(stackValues(place, {})), [
      "keycloak:clientSecret can't be opened (its secrets provider is not a passphrase): set KEYCLOAK_CLIENT_SECRET, or the passphrase",
    ]);
  });

  test("values from the environment take the place of those that can't be opened", async (t) => {
    const place = await stackFile(t, unopenable, cloud);
    const env = { KEYCLOAK_CLIENT_SECRET: secret, INTERNAL_JWKS_REFRESH_TOKEN: token };
    const { values, warnings } = await stackValues(place, env);
    assert.equal(values["keycloak:clientSecret"], secret);
    assert.equal(values["jwks-break-glass:apiRefreshToken"], token);
    assert.equal(values["jwks-break-glass:realm"], "shop");
    assert.deepEqual(warnings, [
      "notify can't be opened (its secrets provider is not a passphrase), so no notification is sent; set JWKS_BREAK_GLASS_NOTIFY to give it",
    ]);
  });

  test("a target's secret kubeconfig can be given as the whole list, by the variable that is named as the key", async (t) => {
    const targets = [{ kubernetes: { namespace: "shop", kubeconfig: { secure: "v1:AAAA:EEEE" } } }];
    const place = await stackFile(t, { "jwks-break-glass:targets": targets }, cloud);
    const [problem] = await refusal(stackValues(place, {}));
    assert.match(problem ?? "", /^targets can't be opened .*: set JWKS_BREAK_GLASS_TARGETS,/);
    const { values } = await stackValues(place, { JWKS_BREAK_GLASS_TARGETS: '["https://api-1"]' });
    assert.equal(values["jwks-break-glass:targets"], '["https://api-1"]');
  });

  test("a wrong passphrase, none at all, and no file are refused in words", async (t) => {
    const by = await crypter();
    const config = { "keycloak:clientSecret": { secure: by.encrypt(secret) } };
    const place = await stackFile(t, config, { encryptionsalt: by.salt });
    const wrong = await refusal(stackValues(place, { PULUMI_CONFIG_PASSPHRASE: "wrong" }));
    assert.match(wrong.join(), /incorrect passphrase.*KEYCLOAK_CLIENT_SECRET/);
    assert.match((await refusal(stackValues(place, {}))).join(), /PULUMI_CONFIG_PASSPHRASE/);
    const nowhere = await refusal(stackValues({ ...place, configFile: `${place.configFile}.none` }, {}));
    assert.deepEqual(nowhere, ["stack prod has no config file: check --stack"]);
  });
});
