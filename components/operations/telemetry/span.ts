import { RotationError } from "../base/errors.ts";
import type { RunContext } from "../base/run-context.ts";

/** Attributes of a span. Never a token or a secret: values are sent to another system as they are. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** The current span, for what is known only at its end. */
export interface OpenSpan {
  set(attributes: Attributes): void;
  /** Marks the span as failed. `type` has few values, such as error codes or statuses. */
  fail(type: string): void;
}

/** Does work in a child span. */
export type Opener = <T>(
  name: string,
  attributes: Attributes,
  work: (span: OpenSpan) => Promise<T>,
) => Promise<T>;

/** The part of a run that spans carry. */
export type TracedRun = Pick<RunContext, "realm"> &
  Partial<Pick<RunContext, "rotation" | "mode" | "incident" | "stack">>;

/** What kind of error it was, for {@link OpenSpan.fail}. Never its message, which may hold anything. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof RotationError) return error.code;
  return error instanceof Error ? error.name : "_OTHER";
}
