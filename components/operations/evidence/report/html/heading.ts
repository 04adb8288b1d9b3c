import type { Evidence } from "../../evidence-schema.ts";
import { type Html, html } from "./html.ts";

/** The page's title, in words only. */
export function titleOf({ rotation, incident, outcome }: Evidence): string {
  return `Key rotation ${rotation}${incident ? `, incident ${incident}` : ""}: ${outcome.toUpperCase()}`;
}

/** How it ended, and what was not proven: the first things that are seen. */
export function heading({ rotation, incident, outcome, failedPhase, error, notProven }: Evidence): Html {
  const badge =
    outcome === "verified"
      ? html`<span class="outcome good">VERIFIED</span>`
      : html`<span class="outcome bad">FAILED</span>`;
  return html`<h1>Key rotation ${rotation}${incident ? `, incident ${incident}` : ""} ${badge}</h1>
${failedPhase === undefined ? "" : html`<p class="bad">Failed in phase ${failedPhase}: ${error ?? "no reason is known"}</p>\n`}${unproven(notProven)}`;
}

function unproven(notProven: readonly string[]): Html {
  if (notProven.length === 0) return html``;
  const lines = notProven.map((line) => html`<li>${line}</li>`);
  return html`<div class="unproven-box"><h2 class="bad">What was not proven</h2><ul>${lines}</ul></div>`;
}
