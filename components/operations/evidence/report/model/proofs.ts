import { describeVerdict } from "../../../proof/probe.ts";
import type { Evidence } from "../../evidence-schema.ts";
import { table } from "./blocks.ts";
import type { Table } from "./report.ts";
import { name, nameOf, outcome, time, yesOrNo } from "./text.ts";

/** Whether each instance's deny-list rejects a session that is on it. */
export function denyListTable({ verification }: Evidence): Table[] {
  return table(
    "Deny-list",
    ["Instance", "Works", "Administrator before", "Added", "Administrator while on it", "Removed", "Why not"],
    (verification?.denyList ?? []).map((one) => [
      name(nameOf(one)),
      yesOrNo(one.ok),
      describeVerdict(one.accepted),
      outcome(one.denied.outcome),
      describeVerdict(one.refused),
      outcome(one.cleaned.outcome),
      one.reasons.join("; "),
    ]),
  );
}

/** Whether Keycloak itself rejects the retired keys' tokens. */
export function issuerTable({ verification }: Evidence): Table[] {
  return table(
    "Issuer",
    [
      "Retired kid",
      "Canary token (jti)",
      "Keycloak's userinfo",
      "On the control token",
      "For the key's sake",
    ],
    (verification?.issuer ?? []).map((one) => [
      one.kid,
      one.jti,
      describeVerdict(one.verdict),
      one.control ? describeVerdict(one.control.verdict) : "not asked",
      yesOrNo(one.ok),
    ]),
  );
}

export function attemptTable({ attempts }: Evidence): Table[] {
  return table(
    "Verification attempts",
    ["Start", "End", "Verified", "Failures"],
    attempts.map((one) => [
      time(one.startedAt),
      time(one.finishedAt),
      yesOrNo(one.verified),
      one.failures.join("; "),
    ]),
  );
}
