import { isObject, type PropertyMap, toSecret } from "../../property-values.ts";
import { annotationOf, mapAt } from "./secret-inputs.ts";

const INPUTS = "__inputs";
const API_VERSION = "__initialApiVersion";
const FIELD_MANAGER = "__fieldManager";
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

function withSecretContents(object: PropertyMap): PropertyMap {
  const contents = ["data", "stringData"].flatMap((key) => {
    const value = object[key];
    return value === undefined ? [] : [[key, toSecret(value)] as const];
  });
  return { ...object, ...Object.fromEntries(contents) };
}

// kubectl leaves a copy of what it applied, contents and all, in an annotation.
function withSecretAnnotation(object: PropertyMap): PropertyMap {
  const copy = annotationOf(object, LAST_APPLIED);
  if (copy === undefined) return object;
  const metadata = mapAt(object, "metadata");
  const annotations = { ...mapAt(metadata, "annotations"), [LAST_APPLIED]: toSecret(copy) };
  return { ...object, metadata: { ...metadata, annotations } };
}

/** A Secret's outputs: the live object, and what is needed to compare and update it. Its contents are marked secret. */
export function checkpointObject(inputs: PropertyMap, live: PropertyMap, fieldManager: string): PropertyMap {
  return {
    ...withSecretAnnotation(withSecretContents(live)),
    [INPUTS]: withSecretContents(inputs),
    [API_VERSION]: "v1",
    [FIELD_MANAGER]: fieldManager,
  };
}

/** Takes the outputs of a Secret apart again. */
export function checkpointParts(outputs: PropertyMap) {
  const { [INPUTS]: inputs, [API_VERSION]: _version, [FIELD_MANAGER]: manager, ...live } = outputs;
  return {
    live,
    inputs: inputs !== undefined && isObject(inputs) ? inputs : {},
    fieldManager: typeof manager === "string" ? manager : undefined,
  };
}
