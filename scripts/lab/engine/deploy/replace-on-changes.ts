import type { DiffResult } from "../providers/provider.ts";
import { parsePropertyPath } from "./ignore-changes.ts";

/** Makes changed keys that `replaceOnChanges` names (`*` names all) into causes of a replacement. */
export function withReplaceOnChanges(diff: DiffResult, paths: readonly string[]): DiffResult {
  const names = new Set(paths.map((path) => parsePropertyPath(path)[0] ?? ""));
  const hit = diff.changedKeys.filter((key) => names.has(key) || names.has("*"));
  return hit.length === 0 ? diff : { ...diff, replaceKeys: [...new Set([...diff.replaceKeys, ...hit])] };
}
