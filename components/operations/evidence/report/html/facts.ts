import type { Evidence } from "../../evidence-schema.ts";
import { type Html, html } from "./html.ts";
import { windowText } from "./window.ts";

const stages = {
  overlap: "the old keys are still trusted",
  final: "the old keys are retired",
};

/** What was done and what came of it, in a dozen lines. */
export function facts(evidence: Evidence): Html {
  const { mode, stage, retired, passive, signers, deleted, verification, exposureWindow: window } = evidence;
  const instances = verification?.instances ?? [];
  const verified = instances.filter((one) => one.verified).length;
  const lines = {
    Realm: evidence.realm,
    Stack: evidence.stack,
    Mode: mode === "emergency" ? mode : `${mode}, ${stages[stage]}`,
    Reason: evidence.reason,
    "Instances verified": `${verified} of ${instances.length}`,
    "Exposure window": `${windowText(evidence)}${window ? ` (${window.from} to ${window.to})` : ""}`,
    Retired: listKeys(retired) || "none",
    "Now signing": listKeys(signers) || "not read",
    "Trusted until retired": passive.length > 0 ? `${listKeys(passive)}, ${retirement(evidence)}` : "",
    Deleted: listKeys(deleted),
    Written: evidence.writtenAt,
  };
  const known = Object.entries(lines).filter(([, value]) => value !== "");
  return html`<dl>${known.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;
}

function retirement({ retireAfter }: Evidence): string {
  return retireAfter ? `by the first up after ${retireAfter}` : "no time for it is known";
}

function listKeys(keys: readonly { kid: string; algorithm: string }[]): string {
  return keys.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
}
