import { describeVerdict } from "../../proof/probe.ts";
import type { Evidence } from "../evidence-schema.ts";

/** What an auditor reads: evidence.json as Markdown. Pure; it says nothing that the JSON does not. */
export function renderReport(evidence: Evidence): string {
  const sections = [
    heading(evidence),
    summary(evidence),
    section("What was not proven", evidence.notProven.map((line) => `- ${plain(line)}`).join("\n")),
    section("Timeline (UTC)", timeline(evidence)),
    section("Keys", keys(evidence)),
    section("JWKS as published", readBack(evidence)),
    section("Instances", instances(evidence)),
    section("Told of the new keys before they signed", announced(evidence)),
    section("Freeze", frozen(evidence)),
    section("Sessions", sessions(evidence)),
    section("Deny-list", denyList(evidence)),
    section("Internal keys", internalKeys(evidence)),
    section("Refresh", refresh(evidence.refresh)),
    section("Restarts", restarts(evidence.restarts)),
    section("Issuer", issuer(evidence)),
    section("Canary tokens", canaries(evidence)),
    section("Verification attempts", attempts(evidence)),
    section("Files", files),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

function heading({ incident, rotation, outcome }: Evidence): string {
  const verdict = outcome === "verified" ? "VERIFIED" : "FAILED";
  return `# Key rotation ${rotation}${incident ? `, incident ${plain(incident)}` : ""}: ${verdict}`;
}

function summary(evidence: Evidence): string {
  const { exposureWindow: window, verification } = evidence;
  const verified = verification?.instances.filter((one) => one.verified).length ?? 0;
  const rows = [
    ["Outcome", evidence.outcome],
    ...(evidence.failedPhase ? [["Failed phase", `${evidence.failedPhase}: ${evidence.error ?? ""}`]] : []),
    ["Realm", evidence.realm],
    ["Stack", evidence.stack],
    ["Mode", evidence.mode === "emergency" ? "emergency" : `${evidence.mode}, ${stages[evidence.stage]}`],
    ["Reason", evidence.reason],
    ["Retired", listKeys(evidence.retired) || "none"],
    ...(evidence.passive.length > 0
      ? [
          [
            "Trusted until retired",
            `${listKeys(evidence.passive)}, by the first up after ${evidence.retireAfter}`,
          ],
        ]
      : []),
    ["Now signing", listKeys(evidence.signers) || "not read"],
    ...(evidence.deleted.length > 0 ? [["Deleted", listKeys(evidence.deleted)]] : []),
    ["Instances verified", `${verified} of ${verification?.instances.length ?? 0}`],
    [
      "Exposure window",
      window
        ? `${window.exact ? "" : "at most "}${seconds(window.ms)} (${window.from} to ${window.to})`
        : evidence.verification?.verified && evidence.retired.length === 0
          ? "none: no key was retired"
          : "open",
    ],
    ["Written", evidence.writtenAt],
  ];
  return table(["", ""], rows);
}

const stages = {
  overlap: "the old keys are still trusted",
  final: "the old keys are retired",
};

function listKeys(keys: readonly { kid: string; algorithm: string }[]): string {
  return keys.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
}

function timeline({ phases }: Evidence): string {
  return table(
    ["Start", "End", "Duration", "Phase", "Outcome", "What happened"],
    phases.map(({ startedAt, finishedAt, phase, outcome, summary, error }) => [
      startedAt,
      finishedAt,
      seconds(Date.parse(finishedAt) - Date.parse(startedAt)),
      phase,
      outcome,
      error ?? summary,
    ]),
  );
}

function keys({ keysBefore, keysAfter, retired }: Evidence): string {
  const kids = [...new Set([...keysBefore, ...keysAfter].map(({ kid }) => kid))];
  return table(
    ["Kid", "Algorithm", "Key provider", "Before", "After", "Disabled at"],
    kids.map((kid) => {
      const [before, after] = [keysBefore, keysAfter].map((list) => list.find((key) => key.kid === kid));
      const end = retired.find((key) => key.kid === kid);
      return [
        kid,
        after?.algorithm ?? before?.algorithm ?? "",
        after?.componentName ?? before?.componentName ?? "",
        state(before),
        keysAfter.length === 0 ? "not read" : state(after),
        end ? `${end.disabledAtIsExact ? "" : "not before "}${end.disabledAt}` : "",
      ];
    }),
  );
}

function state(key: Evidence["keysBefore"][number] | undefined): string {
  return key ? `${key.status}${key.signing ? ", signs" : ""}, priority ${key.priority}` : "absent";
}

function readBack({ jwksReadBack }: Evidence): string {
  return table(
    ["URL", "Reads in a row", "Current at", "Signature kids"],
    jwksReadBack.map(({ url, reads, currentAt, kids }) => [url, String(reads), currentAt, kids.join(", ")]),
  );
}

function instances({ verification, baseline }: Evidence): string {
  const before = new Map(
    baseline.map((one) => [
      one.uid ?? one.instance,
      one.verdicts.map(({ verdict }) => describeVerdict(verdict)),
    ]),
  );
  return table(
    [
      "Instance",
      "Verified",
      "Proof",
      "Before the cut-over",
      "Started after it",
      "Retired key",
      "Passive key",
      "Fresh token",
      "Forged tokens",
      "Proven at",
      "Why not",
    ],
    (verification?.instances ?? []).map((one) => [
      one.target ? `${one.target}/${one.instance}` : one.instance,
      one.verified ? "yes" : "NO",
      one.proof,
      unique(before.get(one.uid ?? one.instance)),
      startup(one),
      verdicts(one, "retired"),
      verdicts(one, "passive"),
      verdicts(one, "fresh"),
      verdicts(one, "forged"),
      one.provenAt ?? "",
      one.reasons.join("; "),
    ]),
  );
}

function startup({ startup }: NonNullable<Evidence["verification"]>["instances"][number]): string {
  if (!startup) return "";
  return `${startup.startedAt}: ${startup.bootstrap === "seen" ? (startup.line ?? "bootstrap seen") : "NO BOOTSTRAP in its log"}`;
}

function verdicts(
  instance: NonNullable<Evidence["verification"]>["instances"][number],
  check: string,
): string {
  return unique(
    instance.checks.filter((one) => one.check === check).map(({ verdict }) => describeVerdict(verdict)),
  );
}

function unique(texts: readonly string[] = []): string {
  return [...new Set(texts)].join(", ") || "not asked";
}

function announced({ announced }: Evidence): string {
  if (!announced) return "";
  const told = [refresh(announced.refresh), restarts(announced.restarts)];
  return told.filter((text) => text !== "").join("\n\n");
}

function frozen({ freeze }: Evidence): string {
  if (!freeze) return "";
  return table(
    ["What", "Outcome", "At", "Why not"],
    [
      ...freeze.clients.map(({ clientId, outcome, at }) => [`client ${clientId}`, outcome, at, ""]),
      ...freeze.instances.map((one) => [one.instance, one.outcome, one.at, one.reason ?? ""]),
    ],
  );
}

function sessions({ sessions }: Evidence): string {
  if (!sessions) return "";
  return table(
    ["Session", "User", "Ended because of"],
    sessions.ended.map(({ sid, user, because, offline }) => [
      sid,
      user ?? "",
      `${because}${offline ? " (offline)" : ""}`,
    ]),
  );
}

function denyList({ verification }: Evidence): string {
  return table(
    ["Instance", "Works", "Administrator before", "Put on", "Then", "Taken off", "Why not"],
    (verification?.denyList ?? []).map((one) => [
      one.instance,
      one.ok ? "yes" : "NO",
      describeVerdict(one.accepted),
      one.denied.outcome,
      describeVerdict(one.refused),
      one.cleaned.outcome,
      one.reasons.join("; "),
    ]),
  );
}

function internalKeys({ internalKeys }: Evidence): string {
  return table(
    ["Kind", "Key provider", "Active since", "Disabled"],
    (internalKeys?.keys ?? []).map(({ kind, componentName, activatedAt, disabled }) => [
      kind,
      componentName,
      activatedAt,
      disabled.map((one) => `${one.componentName} at ${one.disabledAt}`).join(", ") || "none",
    ]),
  );
}

function refresh(results: Evidence["refresh"]): string {
  return table(
    ["Instance", "Outcome", "Attempts", "Status", "Start", "End", "Kids claimed", "Why not"],
    results.map((one) => [
      one.instance,
      one.outcome,
      String(one.attempts),
      String(one.status ?? ""),
      one.startedAt,
      one.finishedAt,
      one.kids?.join(", ") ?? "none claimed",
      one.reason ?? "",
    ]),
  );
}

function restarts(results: Evidence["restarts"]): string {
  return table(
    ["Target", "What", "Outcome", "Start", "End", "Why", "Start-up log", "What went wrong"],
    results.map((one) => [
      one.target ?? "",
      one.subject,
      one.outcome,
      one.startedAt,
      one.finishedAt,
      one.because.join("; "),
      one.bootstrap ?? "see Instances",
      one.reason ?? "",
    ]),
  );
}

function issuer({ verification }: Evidence): string {
  return table(
    ["Retired kid", "Canary (jti)", "Keycloak's userinfo"],
    (verification?.issuer ?? []).map(({ kid, jti, verdict }) => [kid, jti, describeVerdict(verdict)]),
  );
}

function canaries(evidence: Evidence): string {
  return table(
    ["Kid", "Algorithm", "Seen before the cut-over (jti)", "Unseen (jti)", "Expires"],
    evidence.canaries.map(({ kid, algorithm, seen, unseen }) => [
      kid,
      algorithm,
      seen.jti,
      unseen.jti,
      unseen.expiresAt,
    ]),
  );
}

function attempts(evidence: Evidence): string {
  return table(
    ["Start", "End", "Verified", "Failures"],
    evidence.attempts.map((one) => [
      one.startedAt,
      one.finishedAt,
      one.verified ? "yes" : "no",
      one.failures.join("; "),
    ]),
  );
}

const files = [
  "`report.html` shows the same as a picture and tables; `evidence.json` holds everything for machines (schema version 1).",
  "`jwks-before.json` and `jwks-after.json` are the issuer's key sets. Check all with `sha256sum -c SHA256SUMS`.",
].join("\n");

function section(title: string, body: string): string {
  return body === "" ? "" : `## ${title}\n\n${body}`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(" | ")} |`;
  return [line(header), `|${" --- |".repeat(header.length)}`, ...rows.map(line)].join("\n");
}

/** Keeps what instances and people wrote from becoming markup. */
function plain(text: string): string {
  return text.replace(/[|<>`\\[\]!*]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, "\\$&").replace(/\s+/g, " ");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}
