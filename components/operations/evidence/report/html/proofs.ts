import { describeVerdict } from "../../../proof/probe.ts";
import type { Evidence } from "../../evidence-schema.ts";
import { type Html, html, mark, outcome, table, when } from "./html.ts";
import { nameOf } from "./instance-table.ts";

/** Whether each instance's deny-list refuses a session that is on it. */
export function denyListTable({ verification }: Evidence): Html {
  return table(
    "Deny-list",
    ["Instance", "Works", "Administrator before", "Put on", "Then", "Taken off", "Why not"],
    (verification?.denyList ?? []).map((one) => [
      html`<span class="name">${nameOf(one)}</span>`,
      mark(one.ok),
      describeVerdict(one.accepted),
      outcome(one.denied.outcome),
      describeVerdict(one.refused),
      outcome(one.cleaned.outcome),
      one.reasons.join("; "),
    ]),
  );
}

/** Whether Keycloak itself refuses the retired keys' tokens. */
export function issuerTable({ verification }: Evidence): Html {
  return table(
    "Issuer",
    ["Retired kid", "Canary (jti)", "Keycloak's userinfo", "Refused"],
    (verification?.issuer ?? []).map((one) => [one.kid, one.jti, describeVerdict(one.verdict), mark(one.ok)]),
  );
}

export function attemptTable({ attempts }: Evidence): Html {
  return table(
    "Verification attempts",
    ["Start", "End", "Verified", "Failures"],
    attempts.map((one) => [
      when(one.startedAt),
      when(one.finishedAt),
      mark(one.verified),
      one.failures.join("; "),
    ]),
  );
}
