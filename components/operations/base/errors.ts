import type { ErrorCode } from "./error-codes.ts";

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
  /** What happened, without the code and the next step. */
  readonly what: string;
  readonly nextStep: string;

  constructor(code: ErrorCode, message: string, { nextStep, ...options }: RotationErrorOptions) {
    super(`${code}: ${message}. Next: ${nextStep}.`, options);
    this.code = code;
    this.what = message;
    this.nextStep = nextStep;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
