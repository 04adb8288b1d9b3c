import type { Evidence } from "../../evidence-schema.ts";
import { announcement, freeze, refreshTable, restartTable, sessions } from "./actions.ts";
import { section, sentence } from "./blocks.ts";
import { timelineOf } from "./build-timeline.ts";
import { factsOf } from "./facts.ts";
import { instances } from "./instances.ts";
import { canaryTable, internalKeys, jwksTable, keyTable } from "./keys.ts";
import { ledgerTable } from "./ledger.ts";
import { phaseTable } from "./phases.ts";
import { attemptTable, denyListTable, issuerTable } from "./proofs.ts";
import type { Block, Report, Section } from "./report.ts";
import { watchBlocks } from "./watch.ts";

/** What both reports say of an evidence.json, and it says nothing that the JSON does not. Pure. */
export function buildReport(evidence: Evidence): Report {
  const { rotation, incident, outcome, failedPhase, error } = evidence;
  const [notProven] = section("What was not proven", failures(evidence));
  return {
    title: `Key rotation ${rotation}${incident ? `, incident ${incident}` : ""}`,
    outcome: outcome === "verified" ? { kind: "good", text: "VERIFIED" } : { kind: "bad", text: "FAILED" },
    ...(failedPhase ? { failure: `Failed in phase ${failedPhase}: ${error ?? "no reason is given"}` } : {}),
    ...(notProven ? { notProven } : {}),
    facts: factsOf(evidence),
    sections: sectionsOf(evidence),
  };
}

/** A section with nothing in it is left out. */
function sectionsOf(evidence: Evidence): Section[] {
  return [
    ...section("Timeline (UTC)", [...picture(evidence), ...phaseTable(evidence)]),
    ...section("Instances", instances(evidence)),
    ...section("Dead keys", ledgerTable(evidence)),
    ...section("Watch", watchBlocks(evidence)),
    ...section("Scope", scope(evidence)),
    ...section("Keys before and after", keyTable(evidence)),
    ...section("Published JWKS", jwksTable(evidence)),
    ...section("Announcement of the new keys", announcement(evidence)),
    ...section("Freeze", freeze(evidence)),
    ...section("Sessions", sessions(evidence)),
    ...section("Deny-list", denyListTable(evidence)),
    ...section("Internal keys", internalKeys(evidence)),
    ...section("Refresh", refreshTable("Refresh", evidence.refresh)),
    ...section("Restarts", restartTable("Restarts", evidence.restarts)),
    ...section("Issuer", issuerTable(evidence)),
    ...section("Canary tokens", canaryTable(evidence)),
    ...section("Verification attempts", attemptTable(evidence)),
    ...section("Files", files(evidence)),
  ];
}

function failures({ notProven, scope = [] }: Evidence): Block[] {
  const limits = new Set(scope);
  const lines = notProven.filter((line) => !limits.has(line));
  return lines.length === 0 ? [] : [{ kind: "list", lines, isBad: true }];
}

/** Calm: it is true of every such proof, the best one too. */
function scope({ scope: lines = [] }: Evidence): Block[] {
  return lines.length === 0
    ? []
    : [sentence("What this proof does not cover:"), { kind: "list", lines, isBad: false }];
}

function picture(evidence: Evidence): Block[] {
  const timeline = timelineOf(evidence);
  return timeline ? [{ kind: "timeline", timeline }] : [];
}

const code = (text: string) => ({ kind: "code", text }) as const;

function files({ schemaVersion }: Evidence): Block[] {
  return [
    sentence([
      code("report.html"),
      " and ",
      code("report.md"),
      " say the same, and are made from ",
      code("evidence.json"),
      `, which has every detail (schema version ${schemaVersion}). `,
      code("jwks-before.json"),
      " and ",
      code("jwks-after.json"),
      " are the issuer's key sets.",
    ]),
    sentence([
      "Check this bundle with ",
      code("npm run evidence -- verify DIR"),
      ", or only its files with ",
      code("sha256sum -c SHA256SUMS"),
      ".",
    ]),
  ];
}
