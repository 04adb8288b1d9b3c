import { createHash } from "node:crypto";
import type { Evidence } from "./evidence-schema.ts";
import { details, phaseTable } from "./report-html/details.ts";
import { Html, html, section } from "./report-html/html.ts";
import { instanceTable } from "./report-html/instance-table.ts";
import { script } from "./report-html/script.ts";
import { style } from "./report-html/style.ts";
import { timeline } from "./report-html/timeline.ts";

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
<title>${title(evidence)}</title>
<style>${new Html(style)}</style>
</head>
<body>
<main>
${heading(evidence)}
${section("Timeline (UTC)", timeline(evidence), phaseTable(evidence))}
${section("Instances", instanceTable(evidence))}
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

function title({ rotation, incident, outcome }: Evidence): string {
  return `Key rotation ${rotation}${incident ? `, incident ${incident}` : ""}: ${outcome.toUpperCase()}`;
}

function heading(evidence: Evidence): Html {
  const { rotation, incident, outcome, notProven } = evidence;
  const isVerified = outcome === "verified";
  const badge = isVerified
    ? html`<span class="outcome good">✔ VERIFIED</span>`
    : html`<span class="outcome bad">✖ FAILED</span>`;
  const box = html`<div class="unproven-box"><h2>What was not proven</h2><ul>${notProven.map((line) => html`<li>${line}</li>`)}</ul></div>`;
  return html`<h1>Key rotation ${rotation}${incident ? `, incident ${incident}` : ""} ${badge}</h1>
${failure(evidence)}${notProven.length > 0 ? box : ""}
<dl>${facts(evidence).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;
}

function failure({ failedPhase, error }: Evidence): Html {
  return failedPhase === undefined
    ? html``
    : html`<p class="bad">Failed in phase ${failedPhase}: ${error ?? ""}</p>\n`;
}

function facts(evidence: Evidence): [name: string, value: string][] {
  const {
    verification,
    exposureWindow: window,
    mode,
    stage,
    retired,
    passive,
    signers,
    retireAfter,
  } = evidence;
  const instances = verification?.instances ?? [];
  const list = (keys: readonly { kid: string; algorithm: string }[]) =>
    keys.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
  const all: [string, string][] = [
    ["Realm", evidence.realm],
    ["Stack", evidence.stack],
    [
      "Mode",
      mode === "emergency"
        ? mode
        : `${mode}, ${stage === "overlap" ? "the old keys are still trusted" : "the old keys are retired"}`,
    ],
    ["Reason", evidence.reason],
    ["Instances verified", `${instances.filter(({ verified }) => verified).length} of ${instances.length}`],
    [
      "Exposure window",
      window
        ? `${window.exact ? "" : "at most "}${(window.ms / 1000).toFixed(3)} s (${window.from} to ${window.to})`
        : retired.length > 0
          ? "open"
          : "none: no key was retired",
    ],
    ["Retired", list(retired)],
    ["Now signing", list(signers)],
    [
      "Trusted until retired",
      passive.length > 0 ? `${list(passive)}, by the first up after ${retireAfter}` : "",
    ],
    ["Written", evidence.writtenAt],
  ];
  return all.filter(([, value]) => value !== "");
}
