import type { PropertyMap } from "../property-values.ts";

export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

export interface CheckResult {
  readonly inputs: PropertyMap;
  readonly failures: readonly CheckFailure[];
}

export interface DiffResult {
  /** `unknown`: the provider can't tell; the engine compares the inputs. */
  readonly changes: "some" | "none" | "unknown";
  readonly replaceKeys: readonly string[];
  readonly changedKeys: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

export interface ReadResult {
  /** Empty if the resource is gone. */
  readonly id: string;
  readonly outputs: PropertyMap;
  /** Undefined: keep the inputs of the state. */
  readonly inputs?: PropertyMap;
}

export interface ResourceIdentity {
  readonly urn: string;
  readonly type: string;
}

/** What the engine asks of a provider. Properties come without secret marks; those that a provider puts on outputs are kept. */
export interface Provider {
  check(resource: ResourceIdentity, olds: PropertyMap, news: PropertyMap): Promise<CheckResult>;
  diff(resource: ExistingResource, news: PropertyMap, ignoreChanges: readonly string[]): Promise<DiffResult>;
  /** Fails with `InitError` if the resource exists but isn't healthy. */
  create(resource: ResourceIdentity, inputs: PropertyMap): Promise<{ id: string; outputs: PropertyMap }>;
  read(resource: ExistingResource): Promise<ReadResult>;
  /** Fails with `InitError` if the update was made but the resource isn't healthy. */
  update(resource: ExistingResource, news: PropertyMap): Promise<PropertyMap>;
  delete(resource: ExistingResource): Promise<void>;
  /** Outputs to show in a preview. Changes nothing. */
  previewOutputs(
    resource: ResourceIdentity,
    old: ExistingResource | undefined,
    news: PropertyMap,
  ): Promise<PropertyMap>;
}

/** How the inputs of a package's provider itself are checked and compared. */
export interface ProviderConfigRules {
  check(news: PropertyMap): CheckFailure[];
  /** Inputs whose change makes it another provider: everything that it manages is replaced. */
  replacingKeys(olds: PropertyMap, news: PropertyMap): string[];
}

export interface ExistingResource extends ResourceIdentity {
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}

/** The resource exists, its state is known, but it did not become healthy. */
export class InitError extends Error {
  readonly id: string;
  readonly properties: PropertyMap;
  readonly reasons: readonly string[];

  constructor(id: string, properties: PropertyMap, reasons: readonly string[]) {
    const count = reasons.length === 1 ? "1 error" : `${reasons.length} errors`;
    super(
      reasons.length === 0
        ? "resource init failed"
        : `${count} occurred:\n${reasons.map((reason) => `\t* ${reason}`).join("\n")}`,
    );
    this.name = "InitError";
    this.id = id;
    this.properties = properties;
    this.reasons = reasons;
  }
}
