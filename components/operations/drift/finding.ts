/** What a drift check can find. */
export type DriftCode =
  | "KEY_MISSING"
  | "KEY_DISABLED"
  | "KEY_NOT_SIGNING"
  | "KEY_ENABLED_AGAIN"
  | "KEY_RETIRED_EARLY"
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
 * `critical`: a token may be accepted that must not be, or users are locked out. `unknown`: it could not be looked at,
 * which is never the same as clean.
 */
export type Severity = "critical" | "warning" | "unknown";

const order: readonly Severity[] = ["critical", "warning", "unknown"];

export interface Finding {
  code: DriftCode;
  severity: Severity;
  /** Empty where it concerns the stack as a whole. */
  realm: string;
  /** What was found, with the key or the instance. Holds no secret. */
  what: string;
  /** What follows from it. */
  means: string;
  /** A command, or a step in Keycloak's console where there is no command. */
  mend: string;
}

/** The worst first; else in the order found. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** 0: clean; 2: something has drifted; 1: nothing found, and not everything could be looked at. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ severity }) => severity !== "unknown")) return 2;
  return findings.length > 0 ? 1 : 0;
}
