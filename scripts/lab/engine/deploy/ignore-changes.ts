import { isObject, type PropertyMap, type PropertyValue, secretContent } from "../property-values.ts";

/** Splits `a.b[0]["c"]` into its keys. */
export function parsePropertyPath(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) => quoted ?? index ?? name ?? "",
  );
}

function childOf(value: PropertyValue | undefined, key: string): PropertyValue | undefined {
  const plain = value === undefined ? undefined : secretContent(value);
  if (Array.isArray(plain)) return plain[Number(key)];
  return isObject(plain) ? plain[key] : undefined;
}

function withOldValue(now: PropertyMap, before: PropertyMap, [key = "", ...rest]: string[]): PropertyMap {
  const old = before[key];
  if (rest.length === 0) {
    const { [key]: _ignored, ...others } = now;
    return old === undefined ? others : { ...now, [key]: old };
  }
  const current = now[key];
  if (!isObject(current) || !isObject(old) || childOf(old, rest[0] ?? "") === undefined) return now;
  return { ...now, [key]: withOldValue(current, old, rest) };
}

/** The inputs with the old values at every ignored path. */
export function withIgnoredChanges(
  now: PropertyMap,
  before: PropertyMap,
  paths: readonly string[],
): PropertyMap {
  return paths.reduce((inputs, path) => withOldValue(inputs, before, parsePropertyPath(path)), now);
}
