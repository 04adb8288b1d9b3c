import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { buildEvidence } from "#operations/evidence/build-evidence";
import type { Evidence } from "#operations/evidence/evidence-schema";
import { renderHtml } from "#operations/evidence/report/html-report";
import { browserGap, openBrowser } from "../scripts/lab/browser.ts";
import { at, findings, instanceVerification, runContext, verification } from "./operations/samples.ts";

const skip = await browserGap();

/** A run with so many instances; in a red one every tenth is not proven. */
function evidenceOf(count: number, isRed = false): Evidence {
  const instances = Array.from({ length: count }, (_, index) => {
    const isBad = isRed && index % 10 === 9;
    const name = { instance: `api-${index + 1}`, provenAt: at(16 + (index % 14)) };
    return instanceVerification(
      isBad ? { ...name, verified: false, proof: "unproven", reasons: ["still accepts kid old"] } : name,
    );
  });
  const failures = instances
    .filter(({ verified }) => !verified)
    .map(({ instance }) => `${instance} still accepts kid old`);
  const refresh = instances.map(({ instance }, index) => ({
    instance,
    outcome: "claimed" as const,
    attempts: 1,
    status: 200,
    startedAt: at(15 + (index % 4)),
    finishedAt: at(16 + (index % 4)),
  }));
  const found = verification({ verified: !isRed, instances, failures });
  return buildEvidence(runContext("evidence"), findings({ verification: found, refresh }), at(40));
}

interface Opened {
  page: Page;
  /** Console messages, errors of the page, and every request except the one for the page. */
  noise: string[];
  path: string;
  openedInMs: number;
}

suite("report.html in a real browser", { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());

  async function open(t: TestContext, evidence: Evidence, options: object = {}): Promise<Opened> {
    const directory = await mkdtemp(join(tmpdir(), "report-html-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const path = join(directory, "report.html");
    await writeFile(path, renderHtml(evidence));
    const context = await browser.newContext(options);
    t.after(() => context.close());
    const page = await context.newPage();
    const noise: string[] = [];
    const url = pathToFileURL(path).href;
    page.on("console", (message) => noise.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => noise.push(`error: ${error.message}`));
    page.on("request", (request) => {
      if (request.url() !== url) noise.push(`request: ${request.url()}`);
    });
    const began = performance.now();
    await page.goto(url, { waitUntil: "load" });
    return { page, noise, path, openedInMs: performance.now() - began };
  }

  /** For people who check what CI has rendered. */
  async function screenshot(page: Page, name: string): Promise<void> {
    const directory = process.env.SCREENSHOT_DIR;
    if (directory === undefined) return;
    await mkdir(directory, { recursive: true });
    await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
  }

  const names = (page: Page) => page.locator("#instances tbody tr:visible .name").allInnerTexts();

  for (const [title, isRed] of [
    ["green", false],
    ["red", true],
  ] as const) {
    for (const colorScheme of ["light", "dark"] as const) {
      test(`a ${title} run opens in ${colorScheme}, without a message, an error or a request, and its text has enough contrast`, async (t) => {
        const { page, noise } = await open(t, evidenceOf(20, isRed), { colorScheme });
        await screenshot(page, `report-${title}-${colorScheme}`);
        assert.equal(await page.locator(".outcome").textContent(), isRed ? "FAILED" : "VERIFIED");
        assert.equal(await page.locator(".unproven-box").count(), isRed ? 1 : 0);
        assert.equal(await page.locator("h2", { hasText: /^Scope$/ }).count(), 1);
        assert.equal(await page.locator(".scroll circle.proof").count(), isRed ? 18 : 20);
        assert.deepEqual(await faintTexts(page), []);
        assert.deepEqual(noise, []);
      });
    }
  }

  test("the table can be sorted and filtered by keyboard alone, and the focus is visible", async (t) => {
    const { page, noise } = await open(t, evidenceOf(20, true));
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    await tabTo(page, "#filter");
    await page.keyboard.type("api-1");
    assert.equal((await names(page)).length, 11);
    assert.equal(await page.locator("#shown").textContent(), "11 of 20 instances");
    await press("Tab", "Space");
    assert.deepEqual(await names(page), ["api-10"]);
    await press("Space", "Shift+Tab", "ControlOrMeta+A", "Delete");
    assert.equal((await names(page)).length, 20);
    const head = page.locator("#instances th").first();
    await tabTo(page, "#instances th button");
    await press("Enter");
    assert.equal(await head.getAttribute("aria-sort"), "ascending");
    assert.deepEqual((await names(page)).slice(0, 3), ["api-1", "api-2", "api-3"]);
    await press("Enter");
    assert.equal(await head.getAttribute("aria-sort"), "descending");
    assert.equal((await names(page))[0], "api-20");
    assert.equal(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "solid");
    assert.deepEqual(noise, []);
  });

  test("without scripts it is a plain page with every row", async (t) => {
    const { page } = await open(t, evidenceOf(20, true), { javaScriptEnabled: false });
    assert.equal((await names(page)).length, 20);
    assert.equal(await page.locator(".controls").isVisible(), false);
  });

  test("printed, it has every row, whatever was filtered, no controls, and it fits on A4", async (t) => {
    const { page } = await open(t, evidenceOf(20), { colorScheme: "dark", viewport: a4 });
    await page.locator("#filter").fill("api-7");
    await page.emulateMedia({ media: "print" });
    assert.equal((await names(page)).length, 20);
    assert.equal(await page.locator(".controls").isVisible(), false);
    assert.equal(
      await page.evaluate("getComputedStyle(document.body).backgroundColor"),
      "rgb(255, 255, 255)",
    );
    assert.ok((await overhang(page, ".scroll")) <= 0, "a table is cut off on paper");
    await screenshot(page, "report-print");
    const pdf = await page.pdf({ format: "A4" });
    assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
    assert.ok(pdf.length > 10_000);
  });

  test("on a phone, only the tables and the picture scroll sideways", async (t) => {
    const { page } = await open(t, evidenceOf(20, true), { viewport: { width: 360, height: 740 } });
    await screenshot(page, "report-telephone");
    assert.ok((await overhang(page, "html")) <= 0);
  });

  test("hostile text from an instance has no effect, and injected code may neither run nor send", async (t) => {
    const text = `</script></title><script>document.title="got in"</script><img src=x onerror="document.title='got in'">`;
    const bad = instanceVerification({ instance: text, verified: false, reasons: [text] });
    const found = verification({ verified: false, instances: [bad], failures: [text] });
    const { page, noise } = await open(
      t,
      buildEvidence({ ...runContext("evidence"), reason: text }, findings({ verification: found }), at(40)),
    );
    assert.equal(noise.join("\n"), "");
    assert.equal(await page.locator("#instances .name").textContent(), text);
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement("script"), { text: "document.title = 'got in'" }))`,
    );
    const sent = await page.evaluate(
      `fetch("http://127.0.0.1:1/").then(() => "sent", (error) => error.message)`,
    );
    assert.equal(sent, "Failed to fetch");
    assert.doesNotMatch(await page.title(), /^got in/);
    const refusals = noise.filter((line) => line.includes("Content Security Policy"));
    assert.ok(
      refusals.some((line) => line.includes("script-src")) &&
        refusals.some((line) => line.includes("connect")),
    );
  });

  test("1,000 instances stay under 5 MB, open, and can be sorted and filtered", async (t) => {
    const { page, noise, path, openedInMs } = await open(t, evidenceOf(1_000, true));
    const { size } = await stat(path);
    const sortedInMs = await page.evaluate<number>(`(() => {
      const began = performance.now();
      document.querySelector("#instances th button").click();
      document.body.getBoundingClientRect();
      return performance.now() - began;
    })()`);
    t.diagnostic(
      `1,000 instances: ${(size / 1e6).toFixed(2)} MB, opened in ${Math.round(openedInMs)} ms, sorted in ${Math.round(sortedInMs)} ms`,
    );
    assert.ok(size < 5e6, `${size} bytes`);
    assert.equal(await page.locator("#instances tbody tr").count(), 1_000);
    assert.match(await page.locator(".scroll > svg").innerHTML(), />100 not proven</);
    await page.locator("#unproven").check();
    assert.equal(await page.locator("#shown").textContent(), "100 of 1000 instances");
    await screenshot(page, "report-1000");
    assert.deepEqual(noise, []);
  });
});

/** Chromium's A4 page without its margins, in CSS pixels. */
const a4 = { width: 718, height: 1_046 };

/** By how many pixels the content of the widest of these elements exceeds it. */
function overhang(page: Page, selector: string): Promise<number> {
  return page.evaluate<number>(
    `Math.max(...[...document.querySelectorAll("${selector}")].map((one) => one.scrollWidth - one.clientWidth))`,
  );
}

/** Texts with less contrast to their background than WCAG 2 AA requires, each with its ratio. */
function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const parts = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
    const luminance = (color) => parts(color).slice(0, 3).reduce((sum, value, index) => {
      const part = value / 255;
      const linear = part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      return sum + linear * [0.2126, 0.7152, 0.0722][index];
    }, 0);
    const ground = (element) => {
      const color = getComputedStyle(element).backgroundColor;
      return parts(color)[3] === 0 && element.parentElement ? ground(element.parentElement) : color;
    };
    const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    return [...document.querySelectorAll("body *:not(script, title)")].filter(hasText).flatMap((element) => {
      const style = getComputedStyle(element);
      const text = luminance(element.namespaceURI.endsWith("svg") ? style.fill : style.color);
      const behind = luminance(ground(element));
      const ratio = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
      return ratio < 4.5 ? [element.tagName + " " + element.className + ": " + ratio.toFixed(2)] : [];
    });
  })()`);
}

/** Presses Tab until the first element of the selector has the focus. */
async function tabTo(page: Page, selector: string): Promise<void> {
  const isThere = `document.activeElement === document.querySelector(${JSON.stringify(selector)})`;
  for (let presses = 0; presses < 40; presses += 1) {
    if (await page.evaluate<boolean>(isThere)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`${selector} can't be reached by keyboard`);
}
