import { createHash } from "node:crypto";
import type { Evidence } from "../evidence-schema.ts";
import { details } from "./html/details.ts";
import { facts } from "./html/facts.ts";
import { heading, titleOf } from "./html/heading.ts";
import { Html, html, section } from "./html/html.ts";
import { instanceTable, strays } from "./html/instance-table.ts";
import { phaseTable } from "./html/phase-table.ts";
import { script } from "./html/script.ts";
import { style } from "./html/style.ts";
import { timeline } from "./html/timeline.ts";

/**
 * What people look at: evidence.json as one HTML page that needs nothing from anywhere, and that its own policy forbids
 * to load or send anything. Pure; it says nothing that the JSON does not.
 */
export function renderHtml(evidence: Evidence): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${titleOf(evidence)}</title>
<style>${new Html(style)}</style>
</head>
<body>
<main>
${heading(evidence)}
${facts(evidence)}
${section("Timeline (UTC)", timeline(evidence), phaseTable(evidence))}
${section("Instances", instanceTable(evidence), strays(evidence))}
${details(evidence)}
</main>
<footer>Made from evidence.json, which has every detail. Check this bundle with <code>npm run evidence -- verify DIR</code>.</footer>
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
