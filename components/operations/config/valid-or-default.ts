import type { z } from "zod";

/** A config value where it is valid, otherwise the default of its key: defaults stand in the settings' shape only. */
export function validOrDefault<T extends z.ZodType>(shape: T, value: unknown): z.output<T> {
  const read = shape.safeParse(value);
  return read.success ? read.data : shape.parse(undefined);
}
