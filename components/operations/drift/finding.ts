/** What a drift check can find. */
export type DriftCode =
  | "KEY_MISSING"
  | "KEY_DISABLED"
  | "KEY_NOT_SIGNING"
  | "KEY_ENABLED_AGAIN"
  | "KEY_RETIRED_EARLY"
  | "KEY_NOT_PROVEN"
  | "KEY_UNMANAGED"
  | "KEY_FALLBACK"
  | "KEY_TOO_OLD"
  | "ROTATION_UNFINISHED"
  | "RETIREMENT_DUE"
  | "RETIREMENT_OVERDUE"
  | "JWKS_DIFFERS"
  | "INSTANCE_ACCEPTS_RETIRED"
  | "INSTANCE_REJECTS_FRESH"
  | "INSTANCE_REJECTS_PASSIVE"
  | "SECRET_ALTERED"
  | "NOT_VERIFIED"
  | "STILL_FROZEN"
  | "ADMIN_PROBE_LEFT"
  | "CONFIG_AHEAD"
  | "COULD_NOT_TELL";

/**
 * `critical`: a token that must be refused may be accepted, or users are locked out. `unknown`: it could not be checked,
 * which never counts as clean.
 */
export type Severity = "critical" | "warning" | "unknown";

const order: readonly Severity[] = ["critical", "warning", "unknown"];

export interface Finding {
  code: DriftCode;
  severity: Severity;
  /** Empty where the finding is about the stack as a whole. */
  realm: string;
  /** What was found, and on which key or instance. Holds no secret. */
  what: string;
  /** What it means for the users or for security. */
  means: string;
  /** What fixes it: a command, or a step in Keycloak's console where there is no command. */
  fix: string;
}

/** The most severe first; otherwise in the order found. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** 0: clean; 2: drift; 1: no drift found, but not everything could be checked. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ severity }) => severity !== "unknown")) return 2;
  return findings.length > 0 ? 1 : 0;
}
