import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { KeyChange, PreviewSummary, RealmSummary } from "../../scripts/preview/preview-summary.ts";
import { maxCharacters, renderMarkdown } from "../../scripts/preview/render-markdown.ts";
import { renderText } from "../../scripts/preview/render-text.ts";

const key = (index: number): KeyChange => ({
  change: "disable",
  kid: `kid-${index}`,
  algorithm: "RS256",
  component: `key-${index}`,
  managed: false,
  text: `disable kid-${index} ${"x".repeat(300)}`,
});

const realm = (index: number, keys: KeyChange[]): RealmSummary => ({
  realm: `realm-${index}`,
  from: 1,
  stage: "final",
  keys,
  before: [],
  after: [],
  overlapEnd: null,
  users: ["Nothing."],
  problems: [],
});

const summary = (more: Partial<PreviewSummary> = {}): PreviewSummary => ({
  schemaVersion: 1,
  stack: "prod",
  outcome: "change",
  rotation: 2,
  mode: "emergency",
  incident: "INC-1",
  reason: "",
  realms: [realm(1, [key(1)])],
  targets: [],
  estimatedSeconds: 9,
  resources: {},
  warnings: [],
  problems: [],
  ...more,
});

suite("renderMarkdown", () => {
  test("with hundreds of realms, keys and targets the text still fits into a comment, and says that it was shortened", () => {
    const keys = Array.from({ length: 200 }, (_, index) => key(index));
    const realms = Array.from({ length: 50 }, (_, index) => realm(index, keys));
    const text = renderMarkdown(summary({ realms }));
    assert.ok(text.length <= maxCharacters, `${text.length}`);
    assert.match(text, /and 160 more keys/);
    assert.match(text, /_Shortened: the rest is in the job's log\._\n$/);
  });

  test("text from elsewhere acts as no markup, mention, reference or table row", () => {
    const reason = "<img src=x onerror=alert(1)> [a](http://e) `x` **b** @team #12 | y\nz";
    const text = renderMarkdown(summary({ reason, stack: "a--><script>" }));
    assert.doesNotMatch(text, /<img|<script|[^\\]\[a]|[^\\]`x|[^\\]\*\*b|@team|#12/);
    assert.match(text, /^<!-- jwks-break-glass preview: a--__script_ -->\n/);
    assert.equal(text.split("\n").filter((line) => line.startsWith("| reason")).length, 1);
  });

  test("a refusal shows its problems first, and no realm", () => {
    const refused = summary({ outcome: "refused", problems: ["rotation: is missing"] });
    assert.match(
      renderMarkdown(refused),
      /the update would be refused\n\n### Problems[\s\S]*- rotation: is missing/,
    );
    assert.doesNotMatch(renderMarkdown(refused), /### Realm/);
    assert.match(renderText(refused), /Problems \(nothing was touched\):\n {2}- rotation: is missing/);
  });
});
