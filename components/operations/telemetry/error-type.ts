import { RotationError } from "../base/errors.ts";

/** What kind of error it was. Never its message, which may hold anything. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof RotationError) return error.code;
  return error instanceof Error ? error.name : "_OTHER";
}
