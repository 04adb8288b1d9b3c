import type { Evidence } from "../evidence-schema.ts";
import { describeVerdict } from "../probes.ts";
import { type Html, html, section, table } from "./html.ts";
import { mark } from "./instance-table.ts";

/** Everything beside the instances, each kind in a section; a kind that there is not is left out. */
export function details(evidence: Evidence): Html[] {
  const { announced, freeze, sessions, internalKeys, verification, refresh, restarts, attempts } = evidence;
  return [
    section("Keys before and after", keys(evidence)),
    section(
      "JWKS as published",
      table(
        ["URL", "Reads in a row", "Current at", "Signature kids"],
        evidence.jwksReadBack.map(({ url, reads, currentAt, kids }) => [
          url,
          String(reads),
          currentAt,
          kids.join(", "),
        ]),
      ),
    ),
    section(
      "Told of the new keys before they signed",
      ...(announced ? [calls(announced.refresh), restartTable(announced.restarts)] : []),
    ),
    section("Freeze", freezeTable(freeze)),
    section("Sessions", sessionTable(sessions)),
    section("Deny-list", denyListTable(verification)),
    section("Internal keys", internalKeyTable(internalKeys)),
    section("Refresh", calls(refresh)),
    section("Restarts", restartTable(restarts)),
    section(
      "Issuer",
      table(
        ["Retired kid", "Userinfo", "As it should be"],
        (verification?.issuer ?? []).map(({ kid, verdict, ok }) => [kid, describeVerdict(verdict), mark(ok)]),
      ),
    ),
    section(
      "Canary tokens",
      table(
        ["Kid", "Algorithm", "Seen before (jti)", "Unseen (jti)", "Expires"],
        evidence.canaries.map(({ kid, algorithm, seen, unseen }) => [
          kid,
          algorithm,
          seen.jti,
          unseen.jti,
          seen.expiresAt,
        ]),
      ),
    ),
    section(
      "Verification attempts",
      table(
        ["Start", "End", "Verified", "Failures"],
        attempts.map((one) => [one.startedAt, one.finishedAt, mark(one.verified), one.failures.join("; ")]),
      ),
    ),
  ];
}

/** The phases in words, for who can't see the picture. */
export function phaseTable({ phases }: Evidence): Html {
  return table(
    ["Phase", "Outcome", "Start", "Seconds", "What happened"],
    phases.map(({ phase, outcome, startedAt, finishedAt, summary, error }) => [
      phase,
      outcome === "failed" ? html`<span class="bad">✖ failed</span>` : outcome,
      startedAt,
      ((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000).toFixed(1),
      error ?? summary,
    ]),
  );
}

function keys({ keysBefore, keysAfter, retired, published }: Evidence): Html {
  const kids = [...new Set([...keysBefore, ...keysAfter].map(({ kid }) => kid))];
  const rows = kids.map((kid) => {
    const [before, after] = [keysBefore, keysAfter].map((list) => list.find((key) => key.kid === kid));
    const end = retired.find((key) => key.kid === kid);
    const isNew = published.some((key) => key.kid === kid);
    return [
      html`<span class="name">${kid}</span>${isNew ? " (new)" : ""}`,
      after?.algorithm ?? before?.algorithm ?? "",
      after?.componentName ?? before?.componentName ?? "",
      state(before),
      keysAfter.length === 0 ? "not read" : state(after),
      end ? `${end.disabledAtIsExact ? "" : "not before "}${end.disabledAt}` : "",
    ];
  });
  return table(["Kid", "Algorithm", "Key provider", "Before", "After", "Disabled at"], rows);
}

function state(key: Evidence["keysBefore"][number] | undefined): string {
  return key ? `${key.status}${key.signing ? ", signs" : ""}, priority ${key.priority}` : "absent";
}

function calls(results: Evidence["refresh"]): Html {
  return table(
    ["Instance", "Outcome", "Attempts", "Start", "HTTP", "Why not"],
    results.map(({ instance, outcome, attempts, startedAt, status, reason }) => [
      instance,
      outcome,
      String(attempts),
      startedAt,
      String(status ?? ""),
      reason ?? "",
    ]),
  );
}

function restartTable(restarts: Evidence["restarts"]): Html {
  return table(
    ["What", "Because", "Outcome", "Start", "End", "Bootstrap", "Why not"],
    restarts.map((one) => [
      one.subject,
      one.because.join("; "),
      one.outcome,
      one.startedAt,
      one.finishedAt,
      one.bootstrap ?? "",
      one.reason ?? "",
    ]),
  );
}

function freezeTable(freeze: Evidence["freeze"]): Html {
  if (!freeze) return html``;
  return table(
    ["What", "Outcome", "At", "Why not"],
    [
      ...freeze.clients.map(({ clientId, outcome, at }) => [`client ${clientId}`, outcome, at, ""]),
      ...freeze.instances.map(({ instance, outcome, at, reason }) => [instance, outcome, at, reason ?? ""]),
    ],
  );
}

function sessionTable(sessions: Evidence["sessions"]): Html {
  if (!sessions) return html``;
  const ended = sessions.ended.map(({ sid, user, because, offline }) => [
    sid,
    user ?? "",
    because,
    offline ? "offline" : "",
  ]);
  const denied = sessions.denied.map(({ instance, outcome, at, reason }) => [
    instance,
    outcome,
    at,
    reason ?? "",
  ]);
  const more = sessions.truncated ? html`<p>More were ended than are listed.</p>` : html``;
  return html`${table(["Session", "User", "Ended because of", "Kind"], ended)}${more}${table(["Denied on", "Outcome", "At", "Why not"], denied)}`;
}

function denyListTable(verification: Evidence["verification"]): Html {
  return table(
    ["Instance", "Works", "Before", "While denied", "Why not"],
    (verification?.denyList ?? []).map(({ instance, ok, accepted, refused, reasons }) => [
      instance,
      mark(ok),
      describeVerdict(accepted),
      describeVerdict(refused),
      reasons.join("; "),
    ]),
  );
}

function internalKeyTable(internal: Evidence["internalKeys"]): Html {
  return table(
    ["Kind", "New key", "Active since", "Disabled"],
    (internal?.keys ?? []).map(({ kind, kid, activatedAt, disabled }) => [
      kind,
      kid,
      activatedAt,
      disabled.map((one) => `${one.kid} (${one.disabledAt})`).join(", "),
    ]),
  );
}
