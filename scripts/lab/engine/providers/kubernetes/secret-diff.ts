import { isDeepStrictEqual } from "node:util";
import { parsePropertyPath } from "../../deploy/ignore-changes.ts";
import { isObject, type PropertyMap } from "../../property-values.ts";
import type { DiffResult, ExistingResource } from "../provider.ts";
import { checkpointParts } from "./checkpoint-object.ts";
import { AUTONAMED, annotationOf, nameOf, namespaceOf, normalized, prunedTo } from "./secret-inputs.ts";

export interface DiffRules {
  readonly isPatch: boolean;
  readonly secretMutable: boolean;
  readonly ignored: readonly string[];
}

type Path = readonly string[];

/** Paths at which two objects differ, as deep as both are maps. */
function changedPaths(before: PropertyMap, now: PropertyMap, at: Path = []): Path[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return keys.flatMap((key): Path[] => {
    const [old, value] = [before[key], now[key]];
    if (isDeepStrictEqual(old, value)) return [];
    if (old !== undefined && value !== undefined && isObject(old) && isObject(value)) {
      return changedPaths(old, value, [...at, key]);
    }
    return [[...at, key]];
  });
}

function isWithin(path: Path, outer: Path): boolean {
  return outer.every((key, index) => path[index] === key);
}

/** What can't be changed in place. A Secret's contents can only if the provider allows it and the Secret itself does. */
function replacingPaths({ isPatch, secretMutable }: DiffRules, news: PropertyMap): Path[] {
  const identity = [
    ["metadata", "name"],
    ["metadata", "namespace"],
  ];
  if (isPatch) return identity;
  const contents = secretMutable && news.immutable !== true ? [] : [["data"], ["stringData"]];
  return [...identity, ["type"], ...contents];
}

function withNamespace(object: PropertyMap): PropertyMap {
  const metadata = isObject(object.metadata ?? null) ? (object.metadata as PropertyMap) : {};
  return { ...object, metadata: { ...metadata, namespace: namespaceOf(object) } };
}

/**
 * Compares what the program wants with what the server last said, in so far as the program had asked for it: so drift is
 * seen once it was read, and what the server adds on its own is not.
 */
export function secretDiff(resource: ExistingResource, news: PropertyMap, rules: DiffRules): DiffResult {
  const { live, inputs } = checkpointParts(resource.outputs);
  const wanted = withNamespace(normalized(news));
  const shape = withNamespace(normalized(inputs));
  const ignored = rules.ignored.map(parsePropertyPath);
  const changed = changedPaths(withNamespace(prunedTo(shape, live)), wanted)
    .filter(([key]) => key !== "apiVersion" && key !== "kind")
    .filter((path) => !ignored.some((outer) => isWithin(path, outer)));
  const replacing = replacingPaths(rules, wanted);
  const replaces = changed.filter((path) => replacing.some((outer) => isWithin(path, outer)));
  const isSamePlace = nameOf(wanted) === nameOf(live) && namespaceOf(wanted) === namespaceOf(live);
  return {
    changes: changed.length > 0 ? "some" : "none",
    changedKeys: [...new Set(changed.map(([key = ""]) => key))],
    replaceKeys: replaces.map((path) => path.join(".")),
    // Two objects can't share a name; one with a made-up name gets a new one.
    deleteBeforeReplace: replaces.length > 0 && isSamePlace && annotationOf(wanted, AUTONAMED) !== "true",
  };
}
