import { randomBytes } from "node:crypto";
import {
  containsUnknowns,
  isObject,
  mapValues,
  type PropertyMap,
  type PropertyValue,
  UNKNOWN,
} from "../../property-values.ts";
import type { CheckFailure } from "../provider.ts";

export const AUTONAMED = "pulumi.com/autonamed";
const CARRIED = ["apiVersion", "kind", "metadata", "type", "data", "stringData", "immutable"];
const CARRIED_METADATA = ["name", "namespace", "labels", "annotations"];

/** The map at a key; empty where there is none. */
export function mapAt(map: PropertyMap, key: string): PropertyMap {
  const value = map[key];
  return value !== undefined && isObject(value) ? value : {};
}

export function annotationOf(object: PropertyMap, name: string): string | undefined {
  const value = mapAt(mapAt(object, "metadata"), "annotations")[name];
  return typeof value === "string" ? value : undefined;
}

export function nameOf(object: PropertyMap): string {
  const { name } = mapAt(object, "metadata");
  return typeof name === "string" ? name : "";
}

export function namespaceOf(object: PropertyMap): string {
  const { namespace } = mapAt(object, "metadata");
  return typeof namespace === "string" && namespace !== "" ? namespace : "default";
}

export function uniqueName(prefix: string): string {
  return prefix + randomBytes(4).toString("hex");
}

function isTextMap(value: PropertyValue | undefined): boolean {
  if (value === undefined || value === UNKNOWN) return true;
  return isObject(value) && Object.values(value).every((item) => typeof item === "string");
}

/** What is wrong with the inputs of a Secret. Values are never quoted. */
export function inputProblems(inputs: PropertyMap): CheckFailure[] {
  const metadata = Object.keys(mapAt(inputs, "metadata")).filter((key) => !CARRIED_METADATA.includes(key));
  const strange = Object.keys(inputs).filter((key) => !CARRIED.includes(key));
  const refused = [...strange, ...metadata.map((key) => `metadata.${key}`)].map((property) => ({
    property,
    reason: "is not carried by the local engine; use the Pulumi CLI for this program",
  }));
  const badMaps = ["data", "stringData"]
    .filter((key) => !isTextMap(inputs[key]))
    .map((property) => ({ property, reason: "must be a map of strings" }));
  return [...refused, ...badMaps];
}

/**
 * The inputs as the API server would give them back: `stringData` goes into `data`, and base64 has one spelling. Inputs
 * with values that are unknown yet stay as they are.
 */
export function normalized(inputs: PropertyMap): PropertyMap {
  if (containsUnknowns(inputs)) return inputs;
  const { stringData: _stringData, ...others } = inputs;
  const given = mapValues(mapAt(inputs, "data"), (value) =>
    Buffer.from(String(value), "base64").toString("base64"),
  );
  const encoded = mapValues(mapAt(inputs, "stringData"), (value) =>
    Buffer.from(String(value)).toString("base64"),
  );
  const data = { ...given, ...encoded };
  return Object.keys(data).length === 0 ? others : { ...others, data };
}

/** The inputs with a name and a namespace. A name that was made up before is kept. */
export function named(
  inputs: PropertyMap,
  olds: PropertyMap,
  defaults: { prefix: string; namespace: string | undefined },
): PropertyMap {
  const metadata = mapAt(inputs, "metadata");
  const place = metadata.namespace ?? defaults.namespace;
  const placed = { ...metadata, ...(place !== undefined && { namespace: place }) };
  if (metadata.name !== undefined && metadata.name !== "") return { ...inputs, metadata: placed };
  const known = annotationOf(olds, AUTONAMED) === "true" ? nameOf(olds) : "";
  const annotations = { ...mapAt(metadata, "annotations"), [AUTONAMED]: "true" };
  return { ...inputs, metadata: { ...placed, name: known || uniqueName(defaults.prefix), annotations } };
}

/** The parts of an object that have a counterpart in another, as deep as both are maps. */
export function prunedTo(shape: PropertyMap, object: PropertyMap): PropertyMap {
  const kept = Object.entries(object).filter(([key]) => shape[key] !== undefined);
  return Object.fromEntries(
    kept.map(([key, value]) => {
      const inner = shape[key];
      return [
        key,
        inner !== undefined && isObject(inner) && isObject(value) ? prunedTo(inner, value) : value,
      ];
    }),
  );
}
