import { type PropertyMap, UNKNOWN } from "../property-values.ts";
import type { Provider } from "../providers/provider.ts";
import type { ResourceState } from "../state/resource-state.ts";
import { parseProviderReference } from "../urn.ts";
import { diffResource } from "./provider-calls.ts";
import { withReplaceOnChanges } from "./replace-on-changes.ts";

/** The inputs with those unknown that come from a replaced resource. Undefined if none does. */
function inputsAfter(state: ResourceState, replaced: ReadonlySet<string>): PropertyMap | undefined {
  const touched = Object.keys(state.inputs).filter((key) =>
    state.propertyDependencies[key]?.some((urn) => replaced.has(urn)),
  );
  if (touched.length === 0) return undefined;
  return { ...state.inputs, ...Object.fromEntries(touched.map((key) => [key, UNKNOWN])) };
}

/** Which of the dependents a replacement of `root` would replace too: those whose diff says so for unknown inputs. */
export async function dependentReplacements(
  root: ResourceState,
  dependents: readonly ResourceState[],
  providerFor: (state: ResourceState) => Promise<Provider>,
): Promise<ResourceState[]> {
  const replaced = new Set([root.urn]);
  const found: ResourceState[] = [];
  const isReplaced = async (state: ResourceState): Promise<boolean> => {
    if (!state.custom) return false;
    if (state.provider && replaced.has(parseProviderReference(state.provider).urn)) return true;
    if (state.deletedWith && replaced.has(state.deletedWith)) return true;
    const inputs = inputsAfter(state, replaced);
    if (inputs === undefined) return false;
    const diff = await diffResource(await providerFor(state), state, inputs, state.ignoreChanges);
    return withReplaceOnChanges(diff, state.replaceOnChanges).replaceKeys.length > 0;
  };
  for (const state of dependents) {
    if (!(await isReplaced(state))) continue;
    replaced.add(state.urn);
    found.push(state);
  }
  return found;
}
