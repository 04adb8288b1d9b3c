/** Exit code of the Pulumi CLI for a config that it can't work with. */
const configuration = 2;

/** A project or stack file can't be read or opened: one message for the person who runs the command. */
export class StackFileError extends Error {
  override readonly name = "StackFileError";
  /** As the Pulumi CLI's. */
  readonly exitCode: number;

  constructor(message: string, { exitCode = 1 }: { exitCode?: number } = {}) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The file is there, and can't be understood. */
export function unreadable(message: string): StackFileError {
  return new StackFileError(message, { exitCode: configuration });
}
