import { randomUUID } from "node:crypto";
import { changedKeys, type PropertyMap } from "../property-values.ts";
import type {
  CheckResult,
  DiffResult,
  ExistingResource,
  Provider,
  ReadResult,
  ResourceIdentity,
} from "../providers/provider.ts";
import type { ResourceState, Snapshot } from "../state/resource-state.ts";
import { isProviderType, packageOf, parseProviderReference } from "../urn.ts";

/** Makes the provider of a package, configured. Fails for a package that the engine doesn't carry. */
export type ProviderFactory = (
  packageName: string,
  config: PropertyMap,
  forType: string,
) => Promise<Provider>;

/** Finds the provider of a resource by its reference. Is itself the provider of `pulumi:providers:*` resources. */
export class ProviderRegistry implements Provider {
  readonly #make: ProviderFactory;
  readonly #base: Snapshot;
  readonly #loaded = new Map<string, Promise<Provider>>();
  /** Configuration of providers that this run has registered, by URN. */
  readonly #configs = new Map<string, PropertyMap>();

  constructor(make: ProviderFactory, base: Snapshot) {
    this.#make = make;
    this.#base = base;
  }

  async providerFor(state: ResourceState): Promise<Provider> {
    if (isProviderType(state.type)) return this;
    const reference = state.provider ?? "";
    const loaded = this.#loaded.get(reference) ?? this.#load(reference, state.type);
    this.#loaded.set(reference, loaded);
    return loaded;
  }

  async #load(reference: string, forType: string): Promise<Provider> {
    const { urn } = parseProviderReference(reference);
    const config =
      this.#configs.get(urn) ?? this.#base.resources.find((state) => state.urn === urn)?.inputs ?? {};
    return this.#make(packageOf(forType), config, forType);
  }

  async check(resource: ResourceIdentity, _olds: PropertyMap, news: PropertyMap): Promise<CheckResult> {
    this.#configs.set(resource.urn, news);
    return { inputs: news, failures: [] };
  }

  async diff({ inputs }: ExistingResource, news: PropertyMap): Promise<DiffResult> {
    const keys = changedKeys(inputs, news);
    return {
      changes: keys.length > 0 ? "some" : "none",
      replaceKeys: [],
      changedKeys: keys,
      deleteBeforeReplace: false,
    };
  }

  async create(
    _resource: ResourceIdentity,
    inputs: PropertyMap,
  ): Promise<{ id: string; outputs: PropertyMap }> {
    return { id: randomUUID(), outputs: inputs };
  }

  async read({ id, outputs }: ExistingResource): Promise<ReadResult> {
    return { id, outputs };
  }

  async update(_resource: ExistingResource, news: PropertyMap): Promise<PropertyMap> {
    return news;
  }

  async delete(): Promise<void> {}

  previewOutputs(_resource: ResourceIdentity, _old: PropertyMap | undefined, news: PropertyMap): PropertyMap {
    return news;
  }
}
