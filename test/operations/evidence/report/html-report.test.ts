import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import type { Evidence } from "#operations/evidence/evidence-schema";
import { renderHtml } from "#operations/evidence/report/html-report";
import {
  at,
  type FindingsChange,
  findings,
  instanceVerification,
  runContext,
  verification,
} from "../../samples.ts";
import { everything } from "./everything.ts";

function evidence(change: FindingsChange = {}): Evidence {
  return buildEvidence(runContext("evidence"), findings(change), at(40));
}

suite("renderHtml", () => {
  test("a green run says VERIFIED in words and shape, with its exposure window and its keys", () => {
    const page = renderHtml(evidence());
    assert.match(page, /<title>Key rotation 8, incident INC-4711: VERIFIED<\/title>/);
    assert.match(page, /<span class="outcome good">VERIFIED<\/span>/);
    assert.match(page, /<dt>Exposure window<\/dt><dd>18\.0 s \(/);
    assert.match(page, /<dt>Instances verified<\/dt><dd>1 of 1<\/dd>/);
    assert.match(page, /<rect class="window" /);
    assert.match(page, /<circle class="proof"[^>]*><title>proven 2026-01-01T10:00:30/);
    assert.match(page, /<h2>Scope<\/h2>/);
    assert.doesNotMatch(page, /What was not proven|class="bad"/);
  });

  test("a red run says FAILED, and names the instance and why, at the top and in its row", () => {
    const bad = instanceVerification({
      instance: "api-2",
      verified: false,
      proof: "unproven",
      reasons: ["still accepts kid old"],
    });
    const found = verification({
      verified: false,
      instances: [bad],
      failures: ["api-2 still accepts kid old"],
    });
    const page = renderHtml(evidence({ verification: found }));
    assert.match(page, /<span class="outcome bad">FAILED<\/span>/);
    assert.ok(page.indexOf("<li>api-2 still accepts kid old.</li>") < page.indexOf("<h2>Timeline"));
    assert.match(page, /<span class="name">api-2<\/span><\/td><td><span class="bad">NO<\/span>/);
    assert.match(page, /<path class="cross"[^>]*><title>not proven: still accepts kid old</);
  });

  test("hostile text from an instance stays text, and only the page's own style and script can load or run", () => {
    const hostile = `</script><script>alert(1)</script><img src=x onerror="a('b')">\u2028\u202e\u0007`;
    const bad = instanceVerification({ instance: hostile, verified: false, reasons: [hostile] });
    const page = renderHtml(
      evidence({ verification: verification({ verified: false, instances: [bad], failures: [hostile] }) }),
    );
    assert.equal(page.match(/<script>/g)?.length, 1);
    assert.equal(page.match(/<style>/g)?.length, 1);
    assert.doesNotMatch(page, /<img|\p{Bidi_Control}|(?!\n)\p{Cc}/u);
    assert.match(page, /&lt;\/script&gt;&lt;script&gt;alert\(1\)/);
    assert.match(
      page,
      /content="default-src &#39;none&#39;; style-src &#39;sha256-[\w+/=]+&#39;; script-src &#39;sha256-/,
    );
    assert.doesNotMatch(page, /<[^>]*\s(?:src|href|style|on\w+)=|url\(|@import/);
  });

  test("up to fifty instances have a lane each, more share strips", () => {
    const lanes = (count: number) => {
      const instances = Array.from({ length: count }, (_, index) =>
        instanceVerification({ instance: `api-${index}` }),
      );
      return renderHtml(evidence({ verification: verification({ instances }) }));
    };
    // The legend has one more.
    assert.equal(lanes(50).match(/<circle/g)?.length, 51);
    assert.equal(lanes(51).match(/<circle/g)?.length, 1);
    assert.match(lanes(51), />51 proven<[\s\S]*<rect class="proof"[^>]*><title>51 proven<\/title>/);
  });

  test("beyond fifty, what failed is never counted with what went well", () => {
    const names = Array.from({ length: 60 }, (_, index) => `api-${index}`);
    const instances = names.map((instance, index) =>
      instanceVerification({ instance, verified: index % 2 === 0 }),
    );
    const refresh = names.map((instance, index) => ({
      instance,
      outcome: index < 20 ? ("failed" as const) : ("claimed" as const),
      attempts: 1,
      startedAt: at(15),
      finishedAt: at(16),
    }));
    const page = renderHtml(
      evidence({ verification: verification({ verified: false, instances }), refresh }),
    );
    for (const text of ["40 reported a refresh", "20 refreshes failed", "30 proven", "30 not proven"])
      assert.ok(page.includes(`>${text}<`), text);
  });

  test("a window that is still open is shown as open, from the key's disabling to the end", () => {
    const bad = instanceVerification({ verified: false, proof: "unproven", reasons: ["no answer"] });
    const found = verification({ verified: false, instances: [{ ...bad, checks: [] }], unseen: ["eu-west"] });
    const page = renderHtml(evidence({ verification: found }));
    assert.match(page, /<rect class="window open"[^>]*><title>exposure window: open</);
    assert.match(page, /<dt>Exposure window<\/dt><dd>open<\/dd>/);
    assert.match(page, /Targets that could not be listed, or have no instance: eu-west</);
  });

  test("everything that a run can do has its section", () => {
    const page = renderHtml(evidence(everything));
    const sections = [...page.matchAll(/<h2>([^<]+)<\/h2>/g)].map(([, title]) => title);
    assert.deepEqual(sections, [
      "Timeline (UTC)",
      "Instances",
      "Watch",
      "Scope",
      "Keys before and after",
      "Published JWKS",
      "Announcement of the new keys",
      "Freeze",
      "Sessions",
      "Deny-list",
      "Internal keys",
      "Refresh",
      "Restarts",
      "Issuer",
      "Canary tokens",
      "Verification attempts",
      "Files",
    ]);
    for (const fact of [
      "admin-console",
      "sid-1",
      "hmac-old at",
      "deployment/shop-api",
      "JWKS bootstrap: 2 keys",
    ])
      assert.ok(page.includes(fact), fact);
    assert.match(page, /<ul class="failures"><li>api-1 could not be frozen<\/li><\/ul>/);
    assert.match(page, /More sessions were ended than are listed here and on the deny-lists/);
  });

  test("a run that ended early has a page too", () => {
    const page = renderHtml(buildEvidence(runContext("evidence"), { phases: [] }, at(1)));
    assert.match(page, /No instance was verified/);
  });
});
