/** Every code that this program can fail with. Codes are stable: alerts and runbooks may match on them. */
export type ErrorCode =
  | "SETTINGS_INVALID"
  | "KEYCLOAK_UNREACHABLE"
  | "KEYCLOAK_LOGIN_REFUSED"
  | "KEYCLOAK_ROLE_MISSING"
  | "KEYCLOAK_UNEXPECTED_ANSWER"
  | "REALM_NOT_FOUND"
  | "REALM_REFUSED"
  | "ALGORITHM_NOT_COVERED"
  | "ROTATION_WENT_BACK"
  | "KEY_NAME_TAKEN"
  | "KEY_NOT_PUBLISHED"
  | "KEY_NOT_ACTIVE"
  | "ROLLBACK_IMPOSSIBLE"
  | "ANNOUNCE_FAILED"
  | "PRIORITY_EXHAUSTED"
  | "CANARY_EXPIRED"
  | "CUTOVER_UNSETTLED"
  | "JWKS_UNREADABLE"
  | "JWKS_NOT_CURRENT"
  | "TOKEN_NOT_MINTED"
  | "BASELINE_REJECTED"
  | "BASELINE_INCOMPLETE"
  | "NO_INSTANCES"
  | "PODS_NOT_STABLE"
  | "KUBECONFIG_INVALID"
  | "KUBERNETES_UNREACHABLE"
  | "KUBERNETES_LOGIN_REFUSED"
  | "KUBERNETES_FORBIDDEN"
  | "KUBERNETES_UNEXPECTED_ANSWER"
  | "WORKLOAD_NOT_RESTARTABLE"
  | "ROLLOUT_STUCK"
  | "RESTART_FAILED"
  | "BOOTSTRAP_NOT_SEEN"
  | "SECRET_EXISTS"
  | "REFRESH_TOKEN_NOT_TAKEN"
  | "THAW_INCOMPLETE"
  | "ADMIN_PROBE_LEFT"
  | "USER_NOT_FOUND"
  | "ROLE_NOT_FOUND"
  | "VERIFICATION_FAILED"
  | "EVIDENCE_NOT_WRITTEN";

export interface RotationErrorOptions extends ErrorOptions {
  /** What the reader should do now, as an imperative sentence without a full stop. */
  nextStep: string;
}

/**
 * A failure that names its code, what happened to which instance or key, and what to do next.
 * The message holds all three, because Pulumi carries nothing but the message across its plugin protocol.
 * It must never hold a token or a secret.
 */
export class RotationError extends Error {
  override readonly name = "RotationError";
  readonly code: ErrorCode;
  readonly nextStep: string;

  constructor(code: ErrorCode, message: string, { nextStep, ...options }: RotationErrorOptions) {
    super(`${code}: ${message}. Next: ${nextStep}.`, options);
    this.code = code;
    this.nextStep = nextStep;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
