import { isDeepStrictEqual } from "node:util";

/** A property as it travels over Pulumi's wire: plain JSON with signed objects for secrets and references. */
export type PropertyValue =
  | null
  | boolean
  | number
  | string
  | PropertyValue[]
  | { [key: string]: PropertyValue };
export type PropertyMap = Record<string, PropertyValue>;

/** Stands for a value that a preview can't know. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
export const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
export const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
export const RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e";
/** The serialized closure that a dynamic resource carries among its inputs. */
export const CLOSURE_KEY = "__provider";

export function isObject(value: unknown): value is { [key: string]: PropertyValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function signature(value: PropertyValue): PropertyValue | undefined {
  return isObject(value) ? value[SIGNATURE_KEY] : undefined;
}

export function isSecret(value: PropertyValue): value is { [key: string]: PropertyValue } {
  return signature(value) === SECRET_SIGNATURE;
}

export function isResourceReference(value: PropertyValue): value is { [key: string]: PropertyValue } {
  return signature(value) === RESOURCE_SIGNATURE;
}

export function toSecret(value: PropertyValue): PropertyValue {
  return isSecret(value) ? value : { [SIGNATURE_KEY]: SECRET_SIGNATURE, value };
}

/** What a secret holds; any other value is returned as it is. */
export function secretContent(value: PropertyValue): PropertyValue {
  return isSecret(value) ? (value.value ?? null) : value;
}

/** True if the test holds for the value or for anything inside it. */
export function someValue(value: PropertyValue, test: (value: PropertyValue) => boolean): boolean {
  if (test(value)) return true;
  if (Array.isArray(value)) return value.some((item) => someValue(item, test));
  return isObject(value) && Object.values(value).some((item) => someValue(item, test));
}

export const containsSecrets = (value: PropertyValue): boolean => someValue(value, isSecret);
export const containsUnknowns = (value: PropertyValue): boolean => someValue(value, (v) => v === UNKNOWN);

export function mapValues(map: PropertyMap, change: (value: PropertyValue) => PropertyValue): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

/** The value without secret marks, and with resource references lowered to ids, for providers that know neither. */
export function toPlain(value: PropertyValue): PropertyValue {
  if (isSecret(value)) return toPlain(secretContent(value));
  if (isResourceReference(value)) return value.id ?? value.urn ?? null;
  if (Array.isArray(value)) return value.map(toPlain);
  return isObject(value) ? mapValues(value, toPlain) : value;
}

export function toPlainMap(map: PropertyMap): PropertyMap {
  return mapValues(map, toPlain);
}

/** Marks each output as secret whose input of the same name holds a secret. Changes `outputs` in place. */
export function copySecretMarks(outputs: PropertyMap, inputs: PropertyMap): void {
  for (const [key, input] of Object.entries(inputs)) {
    const output = outputs[key];
    if (output === undefined || isSecret(output)) continue;
    if (isObject(output) && isObject(input) && !isSecret(input)) copySecretMarks(output, input);
    else if (containsSecrets(input)) outputs[key] = toSecret(output);
  }
}

export function sameProperties(left: PropertyMap, right: PropertyMap): boolean {
  return isDeepStrictEqual(left, right);
}

/** Top-level keys whose plain values differ. */
export function changedKeys(before: PropertyMap, after: PropertyMap): string[] {
  const old = toPlainMap(before);
  const now = toPlainMap(after);
  const keys = new Set([...Object.keys(old), ...Object.keys(now)]);
  return [...keys].filter((key) => !isDeepStrictEqual(old[key], now[key]));
}

/** A copy through JSON: drops `undefined`, as Pulumi's wire format does. */
export function toWire(value: object): PropertyMap {
  return JSON.parse(JSON.stringify(value)) as PropertyMap;
}
