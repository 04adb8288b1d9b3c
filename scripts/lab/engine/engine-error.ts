/** Exit codes of the Pulumi CLI, a stable contract since 3.24x. */
export const EXIT = {
  success: 0,
  failure: 1,
  configuration: 2,
  stackNotFound: 6,
  changesNotExpected: 7,
  cancelled: 8,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure that ends the command with a message for the user, never a stack trace. */
export class EngineError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failure) {
    super(message);
    this.name = "EngineError";
    this.exitCode = exitCode;
  }
}

/** The command failed and everything worth saying has been printed already. */
export class AlreadyReported extends EngineError {
  constructor(exitCode: ExitCode = EXIT.failure) {
    super("", exitCode);
    this.name = "AlreadyReported";
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
