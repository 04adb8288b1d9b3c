import { isDeepStrictEqual } from "node:util";
import {
  CLOSURE_KEY,
  isObject,
  isSecret,
  type PropertyMap,
  type PropertyValue,
  secretContent,
} from "../property-values.ts";
import { displayValue } from "./display-value.ts";

function line(sign: string, depth: number, key: string, text: string): string {
  return `${sign} ${"    ".repeat(depth)}${key}: ${text}`;
}

function nested(
  before: PropertyValue | undefined,
  after: PropertyValue | undefined,
): [PropertyMap, PropertyMap] | undefined {
  const isPlainObject = (value: PropertyValue | undefined): value is PropertyMap =>
    value !== undefined && isObject(value) && !isSecret(value);
  return isPlainObject(before) && isPlainObject(after) ? [before, after] : undefined;
}

function changeLines(
  key: string,
  before: PropertyValue | undefined,
  after: PropertyValue | undefined,
  depth: number,
): string[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return [line("+", depth, key, displayValue(after))];
  if (after === undefined) return [line("-", depth, key, displayValue(before))];
  if (isDeepStrictEqual(secretContent(before), secretContent(after))) return [];
  const maps = nested(before, after);
  if (maps === undefined) return [line("~", depth, key, `${displayValue(before)} => ${displayValue(after)}`)];
  return [
    line("~", depth, key, "{"),
    ...propertyDiff(maps[0], maps[1], depth + 1),
    line(" ", depth, "", "}").replace(": ", ""),
  ];
}

/** Readable lines for what changes from one set of properties to another. Closures are never shown. */
export function propertyDiff(before: PropertyMap, after: PropertyMap, depth = 0): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => key !== CLOSURE_KEY,
  );
  const lines = keys.sort().flatMap((key) => changeLines(key, before[key], after[key], depth));
  const closureChanged = !isDeepStrictEqual(before[CLOSURE_KEY], after[CLOSURE_KEY]);
  const known = before[CLOSURE_KEY] !== undefined && after[CLOSURE_KEY] !== undefined;
  return closureChanged && known ? [...lines, "~ (the code of the dynamic provider has changed)"] : lines;
}
