import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import type { Evidence } from "#operations/evidence/evidence-schema";
import type { Findings } from "#operations/evidence/findings";
import { renderHtml } from "#operations/evidence/report/html-report";
import { at, findings, instanceVerification, runContext, verification } from "../../samples.ts";

function evidence(change: Partial<Findings> = {}): Evidence {
  return buildEvidence(runContext("evidence"), findings(change), at(40));
}

suite("renderHtml", () => {
  test("a green run says VERIFIED in words and shape, with its exposure window and its keys", () => {
    const page = renderHtml(evidence());
    assert.match(page, /<title>Key rotation 8, incident INC-4711: VERIFIED<\/title>/);
    assert.match(page, /<span class="outcome good">VERIFIED<\/span>/);
    assert.match(page, /<dt>Exposure window<\/dt><dd>18\.00 s \(/);
    assert.match(page, /<dt>Instances verified<\/dt><dd>1 of 1<\/dd>/);
    assert.match(page, /<rect class="window" /);
    assert.match(page, /<circle class="proof"[^>]*><title>proven 2026-01-01T10:00:30/);
    assert.match(page, /What was not proven/);
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

  test("hostile text from an instance stays text, and nothing can be loaded or run beside the page's own", () => {
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

  test("fifty instances have a lane each, more have a strip", () => {
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
    for (const text of ["40 claim a refresh", "20 refreshes failed", "30 proven", "30 not proven"])
      assert.ok(page.includes(`>${text}<`), text);
  });

  test("a window that is still open is marked so, from the key's disabling to the end", () => {
    const bad = instanceVerification({ verified: false, proof: "unproven", reasons: ["no answer"] });
    const found = verification({ verified: false, instances: [{ ...bad, checks: [] }], unseen: ["eu-west"] });
    const page = renderHtml(evidence({ verification: found }));
    assert.match(page, /<rect class="window open"[^>]*><title>exposure window: open</);
    assert.match(page, /<dt>Exposure window<\/dt><dd>open<\/dd>/);
    assert.match(page, /Could not be looked at, or has no instance: eu-west</);
  });

  test("everything that a run may have done has its section", () => {
    const page = renderHtml(evidence(everything));
    const sections = [...page.matchAll(/<h2>([^<]+)<\/h2>/g)].map(([, title]) => title);
    assert.deepEqual(sections, [
      "Timeline (UTC)",
      "Instances",
      "Keys before and after",
      "JWKS as published",
      "Told of the new keys before they signed",
      "Freeze",
      "Sessions",
      "Deny-list",
      "Internal keys",
      "Refresh",
      "Restarts",
      "Issuer",
      "Canary tokens",
      "Verification attempts",
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
    assert.match(page, /More sessions were ended than are listed and denied/);
  });

  test("a run that ended early gives a page too", () => {
    const page = renderHtml(buildEvidence(runContext("evidence"), { phases: [] }, at(1)));
    assert.match(page, /No instance was verified/);
  });
});

const restart = {
  target: "eu-west",
  subject: "deployment/shop-api",
  because: ["refresh failed"],
  outcome: "done",
  startedAt: at(16),
  finishedAt: at(20),
} as const;

const everything: Partial<Findings> = {
  announced: {
    results: [{ instance: "api-1", outcome: "claimed", attempts: 1, startedAt: at(9), finishedAt: at(10) }],
    restarts: [],
    known: [],
    unproven: ["api-1"],
  },
  freeze: {
    clients: [{ clientId: "admin-console", outcome: "frozen", at: at(0) }],
    instances: [{ instance: "api-1", outcome: "failed", reason: "HTTP 500", at: at(0) }],
    failures: ["api-1 could not be frozen"],
  },
  sessions: {
    ended: [{ sid: "sid-1", user: "eve", because: "user" }],
    truncated: true,
    denied: [{ instance: "api-1", outcome: "done", at: at(14) }],
    failures: [],
  },
  internalKeys: {
    keys: [
      {
        kind: "hmac",
        componentName: "hmac-new",
        kid: "hmac-1",
        activatedAt: at(14),
        disabled: [{ kid: "hmac-0", componentName: "hmac-old", disabledAt: at(14) }],
      },
    ],
    failures: [],
  },
  restarts: [{ ...restart, because: [...restart.because] }],
  verification: verification({
    instances: [
      instanceVerification({
        startup: { bootstrap: "seen", startedAt: at(18), line: "JWKS bootstrap: 2 keys" },
      }),
    ],
    denyList: [
      {
        instance: "api-1",
        accepted: { kind: "accepted", status: 200 },
        denied: { outcome: "done" },
        refused: { kind: "rejected", status: 403 },
        cleaned: { outcome: "done" },
        ok: true,
        reasons: [],
      },
    ],
  }),
};
