import { randomUUID } from "node:crypto";
import { changedKeys, type PropertyMap, toPlainMap } from "../property-values.ts";
import type {
  CheckResult,
  DiffResult,
  ExistingResource,
  Provider,
  ProviderConfigRules,
  ReadResult,
  ResourceIdentity,
} from "../providers/provider.ts";
import type { ResourceState, Snapshot } from "../state/resource-state.ts";
import { isDefaultProvider, isProviderType, packageOf, parseProviderReference, parseUrn } from "../urn.ts";

/** Makes the provider of a package, configured. Fails for a package that the engine doesn't carry. */
export type ProviderFactory = (
  packageName: string,
  config: PropertyMap,
  forType: string,
) => Promise<Provider>;

/** Finds the provider of a resource by its reference. Is itself the provider of `pulumi:providers:*` resources. */
export class ProviderRegistry implements Provider {
  readonly #make: ProviderFactory;
  readonly #rulesOf: (packageName: string) => ProviderConfigRules | undefined;
  readonly #base: Snapshot;
  readonly #loaded = new Map<string, Promise<Provider>>();
  /** Configuration of providers that this run has registered, by URN. */
  readonly #configs = new Map<string, PropertyMap>();

  constructor(
    make: ProviderFactory,
    rulesOf: (packageName: string) => ProviderConfigRules | undefined,
    base: Snapshot,
  ) {
    this.#make = make;
    this.#rulesOf = rulesOf;
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
    return this.#make(packageOf(forType), this.#configOf(reference), forType);
  }

  /** The configuration behind a reference. A provider that was replaced keeps its own, for what it still has to delete. */
  #configOf(reference: string): PropertyMap {
    const { urn, id } = parseProviderReference(reference);
    const states = this.#base.resources.filter((state) => state.urn === urn);
    const old = states.find((state) => state.id === id);
    if (old?.delete) return old.inputs;
    return this.#configs.get(urn) ?? (old ?? states[0])?.inputs ?? {};
  }

  /** True if a resource that goes from one provider to another has to be replaced. */
  isOther(oldReference: string, newReference: string): boolean {
    const [old, now] = [parseProviderReference(oldReference), parseProviderReference(newReference)];
    if (old.id === now.id) return false;
    // Default providers come and go with the version of their package.
    if (!isDefaultProvider(old.urn) || !isDefaultProvider(now.urn)) return true;
    const before = this.#base.resources.find(({ urn, id }) => urn === old.urn && id === old.id);
    return this.#replacingKeys(now.urn, before?.inputs ?? {}, this.#configOf(newReference)).length > 0;
  }

  #replacingKeys(urn: string, olds: PropertyMap, news: PropertyMap): string[] {
    const rules = this.#rulesOf(packageOf(parseUrn(urn).type));
    return rules?.replacingKeys(toPlainMap(olds), toPlainMap(news)) ?? [];
  }

  async check({ urn, type }: ResourceIdentity, _olds: PropertyMap, news: PropertyMap): Promise<CheckResult> {
    this.#configs.set(urn, news);
    return { inputs: news, failures: this.#rulesOf(packageOf(type))?.check(news) ?? [] };
  }

  async diff({ urn, inputs }: ExistingResource, news: PropertyMap): Promise<DiffResult> {
    const keys = changedKeys(inputs, news);
    return {
      changes: keys.length > 0 ? "some" : "none",
      replaceKeys: keys.length > 0 ? this.#replacingKeys(urn, inputs, news) : [],
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

  async previewOutputs(
    _resource: ResourceIdentity,
    _old: ExistingResource | undefined,
    news: PropertyMap,
  ): Promise<PropertyMap> {
    return news;
  }
}
