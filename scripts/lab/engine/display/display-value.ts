import { isSecret, mapValues, type PropertyValue, UNKNOWN } from "../property-values.ts";

/** The value as it may be shown: secrets masked, unknown values named. */
export function masked(value: PropertyValue): PropertyValue {
  if (isSecret(value)) return "[secret]";
  if (value === UNKNOWN) return "output<string>";
  if (Array.isArray(value)) return value.map(masked);
  return typeof value === "object" && value !== null ? mapValues(value, masked) : value;
}

/** One value on one line. */
export function displayValue(value: PropertyValue | undefined): string {
  if (value === undefined) return "<nil>";
  if (isSecret(value)) return "[secret]";
  if (value === UNKNOWN) return "output<string>";
  return JSON.stringify(masked(value));
}
