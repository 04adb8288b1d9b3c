import { type ErrorCode, errorCodes } from "../base/error-codes.ts";
import { RotationError } from "../base/errors.ts";

/** What the doctor can find, beyond the codes that a run itself can fail with. */
export const doctorCodes = [
  "PROOF_IN_DOUBT",
  "TOKENS_TOO_SHORT",
  "PROBE_CLIENT_MISSING",
  "CLOCKS_DIFFER",
  "LOGIN_FAILED",
  "LOGIN_SLOW",
  "LOGIN_BY_THIS_REALM",
  "INSTANCE_NOT_READY",
  "INSTANCE_SILENT",
  "INSTANCE_UNCLEAR",
  "GOOD_TOKEN_REJECTED",
  "FORGED_TOKEN_ACCEPTED",
  "EXPIRED_TOKEN_ACCEPTED",
  "REFRESH_FAILED",
  "API_REFRESH_TOKEN_UNKNOWN",
  "FREEZE_FAILED",
  "STILL_FROZEN",
  "DENY_LIST_FAILED",
  "SAML_CLIENTS",
  "KEY_NOT_PROVEN",
  "NOT_CHECKED",
] as const;

export type DoctorCode = (typeof doctorCodes)[number] | ErrorCode;

/**
 * `critical`: an emergency might leave the stolen key alive. `problem`: it would end red, or not do all that the config
 * asks for. `unknown`: this could not be checked, which never counts as good. `warning`: it would end green.
 */
export type Severity = "critical" | "problem" | "unknown" | "warning";

const order: readonly Severity[] = ["critical", "problem", "unknown", "warning"];

export interface Finding {
  code: DoctorCode;
  severity: Severity;
  /** Empty where the finding is about the stack as a whole. */
  realm: string;
  /** What was found, and on what. Holds no secret. */
  what: string;
  /** What would happen in an emergency, as a sentence without a full stop. */
  emergency: string;
  /** What to do now, as an imperative sentence without a full stop. */
  next: string;
}

/** What is checked, in the order in which it is shown. */
export const checkNames = [
  "realm",
  "roles",
  "clock",
  "tokens",
  "key sets",
  "dead keys",
  "SAML",
  "cluster",
  "targets",
  "tokens on instances",
  "refresh",
  "freeze",
  "deny-list",
  "evidence folder",
] as const;
export type CheckName = (typeof checkNames)[number];

/** What one check has seen. */
export interface Examined {
  check: CheckName;
  /** Empty where it is about the stack as a whole. */
  realm: string;
  /** What was seen, as a phrase. Holds no secret. */
  seen: string;
  /** True where the stack's config has nothing to check. Default: false. */
  skipped?: boolean;
  findings: Finding[];
}

/** How a check went: its most severe finding. */
export type Outcome = Severity | "ok" | "skipped";

export function outcomeOf({ findings, skipped = false }: Pick<Examined, "findings" | "skipped">): Outcome {
  return sortFindings(findings)[0]?.severity ?? (skipped ? "skipped" : "ok");
}

/** The most severe first; otherwise in the order found. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** 0: an emergency would end green. 1: it would not, or that could not be shown. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 {
  return findings.some(({ severity }) => severity !== "warning") ? 1 : 0;
}

/** Something that could not be looked at. */
export function notChecked(realm: string, what: string, next: string): Finding {
  return {
    code: "NOT_CHECKED",
    severity: "unknown",
    realm,
    what,
    emergency: "it is not known whether this would work",
    next,
  };
}

/** A failure of the program's own code, as a finding: its code, what happened, and what to do. */
export function findingOf(
  error: unknown,
  { realm, severity, emergency }: Pick<Finding, "realm" | "severity" | "emergency">,
): Finding {
  if (!(error instanceof RotationError)) throw error;
  const { code, nextStep: next, what } = error;
  return { code, severity, realm, what, emergency, next: withoutRerun(next) };
}

const coded = /^([A-Z][A-Z_]+): (.*)\. Next: (.*)\.$/s;

/** The same for a message that has been made into text already. */
export function findingFrom(
  message: string,
  { realm, severity, emergency }: Pick<Finding, "realm" | "severity" | "emergency">,
): Finding {
  const [, code, what = message, next = "fix it in the stack's config"] = coded.exec(message) ?? [];
  return {
    code: code !== undefined && Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : "SETTINGS_INVALID",
    severity,
    realm,
    what,
    emergency,
    next: withoutRerun(next),
  };
}

/** Nothing has run yet that could be run again. */
function withoutRerun(next: string): string {
  return next.replace(/, then run the same (up|command) again.*$/, "");
}
