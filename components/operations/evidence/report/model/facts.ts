import type { Evidence } from "../../evidence-schema.ts";
import type { Fact } from "./report.ts";
import { seconds } from "./text.ts";

const stages = {
  overlap: "the old keys are still trusted",
  final: "the old keys are retired",
};

/** What was done and what came of it, in a dozen lines. One without a value is left out. */
export function factsOf(evidence: Evidence): Fact[] {
  const { mode, stage, verification, exposureWindow: window } = evidence;
  const instances = verification?.instances ?? [];
  const verified = instances.filter((one) => one.verified).length;
  const facts = {
    Realm: evidence.realm,
    Stack: evidence.stack,
    Mode: mode === "emergency" ? mode : `${mode}, ${stages[stage]}`,
    Reason: evidence.reason,
    "Instances verified": `${verified} of ${instances.length}`,
    "Exposure window": `${describeWindow(evidence)}${window ? ` (${window.from} to ${window.to})` : ""}`,
    Retired: listKeys(evidence.retired) || "none",
    "Now signing": listKeys(evidence.signers) || "not read",
    "Trusted until retired": stillTrusted(evidence),
    Deleted: listKeys(evidence.deleted),
    Written: evidence.writtenAt,
  };
  return Object.entries(facts).flatMap(([name, value]) => (value === "" ? [] : [{ name, value }]));
}

function stillTrusted({ passive, retireAfter }: Evidence): string {
  if (passive.length === 0) return "";
  const until = retireAfter ? `the first up after ${retireAfter} retires them` : "no end is set";
  return `${listKeys(passive)}; ${until}`;
}

function listKeys(keys: readonly { kid: string; algorithm: string }[]): string {
  return keys.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
}

/** For how long some instance still accepted tokens of a retired key. */
export function describeWindow({ exposureWindow: window, retired, verification }: Evidence): string {
  if (window) return `${window.exact ? "" : "at most "}${seconds(window.ms)}`;
  return verification?.verified && retired.length === 0 ? "none: no key was retired" : "open";
}
