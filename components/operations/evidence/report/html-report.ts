import { createHash } from "node:crypto";
import type { Evidence } from "../evidence-schema.ts";
import { renderFacts, renderHeading, renderSection } from "./html/blocks.ts";
import { Html, html } from "./html/html.ts";
import { script } from "./html/script.ts";
import { style } from "./html/style.ts";
import { buildReport } from "./model/build-report.ts";

/**
 * What people look at: evidence.json as one HTML page that needs nothing from anywhere, and that its own policy forbids
 * to load or send anything. Pure.
 */
export function renderHtml(evidence: Evidence): string {
  const report = buildReport(evidence);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${report.title}: ${report.outcome.text}</title>
<style>${new Html(style)}</style>
</head>
<body>
<main>
${renderHeading(report)}
${renderFacts(report.facts)}
${report.sections.map(renderSection)}
</main>
<script>${new Html(script)}</script>
</body>
</html>
`;
  return page.text;
}

/** Only this very style and this very script: nothing that got into the page by the evidence could run. */
const policy = [
  "default-src 'none'",
  `style-src '${hashOf(style)}'`,
  `script-src '${hashOf(script)}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
