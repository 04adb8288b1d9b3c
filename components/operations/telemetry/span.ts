import { RotationError } from "../base/errors.ts";
import type { RunContext } from "../base/run-context.ts";

/** What a span says. Never a token, never a secret: values go to another system as they are. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** The span that is open, for what is known only at its end. */
export interface OpenSpan {
  set(attributes: Attributes): void;
  /** Marks it as failed. `type` is of low cardinality, as an error's code or a status. */
  fail(type: string): void;
}

/** Work as part of a span: opens another below it. */
export type Opener = <T>(
  name: string,
  attributes: Attributes,
  work: (span: OpenSpan) => Promise<T>,
) => Promise<T>;

/** As much of a run as spans tell. */
export type TracedRun = Pick<RunContext, "realm"> &
  Partial<Pick<RunContext, "rotation" | "mode" | "incident" | "stack">>;

/** What kind of error it was, for {@link OpenSpan.fail}. Never its message, which may hold anything. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof RotationError) return error.code;
  return error instanceof Error ? error.name : "_OTHER";
}
