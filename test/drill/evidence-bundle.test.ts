import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { browserGap, openBrowser } from "../../scripts/lab/browser.ts";
import { failed, rotate, scenarioFor, succeeded } from "./world.ts";

const script = fileURLToPath(new URL("../../scripts/evidence.ts", import.meta.url));

/** `npm run evidence -- verify`. */
function verify(...args: string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, "verify", ...args], (error, stdout) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout });
    });
  });
}

suite("the bundles of real runs", () => {
  test("of a green and a red run the signature is valid and the report opens in a browser; a changed byte is found", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    const { stack, fleet, directory } = scenario;
    const pem = { format: "pem", type: "pkcs8" } as const;
    const signingKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export(pem).toString();
    await stack.setConfig({}, { evidence: JSON.stringify({ signingKey }) });
    succeeded(await rotate(scenario, 1, "INC-1"));
    await fleet.instances[1]?.misbehave("keep-cache");
    failed(await rotate(scenario, 2, "INC-2"));

    const key = join(directory, "evidence-key.json");
    await writeFile(key, JSON.stringify((await stack.outputs()).evidenceKey));
    const [green, red] = ["INC-1/1", "INC-2/2"].map((path) => join(scenario.evidenceDir, path));
    assert.ok(green && red);
    for (const bundle of [green, red]) {
      const { code, stdout } = await verify(bundle, "--key", key);
      assert.equal(code, 0, stdout);
    }

    const gap = await browserGap();
    if (gap) t.diagnostic(gap);
    else {
      const browser = await openBrowser();
      t.after(() => browser.close());
      for (const [bundle, outcome, marks] of [
        [green, "VERIFIED", ["yes", "yes"]],
        [red, "FAILED", ["yes", "NO"]],
      ] as const) {
        const page = await browser.newPage();
        const noise: string[] = [];
        page.on("console", (message) => noise.push(message.text()));
        page.on("pageerror", (error) => noise.push(error.message));
        await page.goto(pathToFileURL(join(bundle, "report.html")).href);
        assert.match((await page.locator("h1").textContent()) ?? "", new RegExp(outcome));
        const cells = await page.locator("#instances tbody tr td:nth-child(2)").allInnerTexts();
        assert.deepEqual(cells.map((text) => /yes|NO/.exec(text)?.[0]).toSorted(), marks.toSorted());
        assert.ok((await page.screenshot({ fullPage: true })).length > 10_000);
        assert.deepEqual(noise, []);
      }
    }

    const path = join(red, "evidence.json");
    await writeFile(
      path,
      (await readFile(path, "utf8")).replace('"outcome": "failed"', '"outcome": "verified"'),
    );
    const forged = await verify(red, "--key", key);
    assert.equal(forged.code, 2, forged.stdout);
    assert.match(forged.stdout, /evidence\.json was changed/);
  });
});
