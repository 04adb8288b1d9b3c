import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type PropertyMap, type PropertyValue, toWire, UNKNOWN } from "../property-values.ts";
import { parseUrn } from "../urn.ts";
import type {
  CheckFailure,
  CheckResult,
  DiffResult,
  ExistingResource,
  Provider,
  ReadResult,
  ResourceIdentity,
} from "./provider.ts";

/** One resource type of a built-in provider. Add a file with one of these to carry a further type. */
export interface ResourceKind<Connection> {
  readonly type: string;
  /** The inputs that this engine knows. Any other is refused: what is ignored here would work on the CLI. */
  readonly carried: readonly string[];
  readonly required: readonly string[];
  /** An input that gets the resource's name and a random suffix where the program leaves it out. */
  readonly autoName?: string;
  /** Inputs whose change needs a new resource. */
  readonly replaceOn: readonly string[];
  readonly defaults?: PropertyMap;
  /** Outputs that only the provider knows. */
  readonly computed: readonly string[];
  /** Further checks, beyond required inputs. Unknown values of a preview come as `UNKNOWN`. */
  validate?(inputs: PropertyMap): CheckFailure[];
  create(connection: Connection, inputs: PropertyMap): Promise<{ id: string; outputs: object }>;
  /** Undefined: the resource is gone. */
  read(connection: Connection, resource: ExistingResource): Promise<object | undefined>;
  /** Missing where every change replaces. */
  update?(connection: Connection, resource: ExistingResource, inputs: PropertyMap): Promise<object>;
  delete(connection: Connection, resource: ExistingResource): Promise<void>;
}

/** A resource type that this engine knows nothing about. */
export class UnknownResourceType extends Error {
  constructor(type: string) {
    super(`${type} is not carried by the local engine; use the Pulumi CLI for this program`);
    this.name = "UnknownResourceType";
  }
}

const _AUTO_NAMED = /-[0-9a-f]{7}$/;

function suffix(): string {
  return randomBytes(4).toString("hex").slice(0, 7);
}

function isMissing(value: PropertyValue | undefined): boolean {
  return value === undefined || value === null || value === "";
}

/** A provider made of resource types and a connection, which is opened when it is first needed. */
export class BuiltinProvider<Connection> implements Provider {
  readonly #kinds: ReadonlyMap<string, ResourceKind<Connection>>;
  readonly #connect: () => Promise<Connection>;
  #connection: Promise<Connection> | undefined;

  constructor(kinds: readonly ResourceKind<Connection>[], connect: () => Promise<Connection>) {
    this.#kinds = new Map(kinds.map((kind) => [kind.type, kind]));
    this.#connect = connect;
  }

  #kind(type: string): ResourceKind<Connection> {
    const kind = this.#kinds.get(type);
    if (kind === undefined) throw new UnknownResourceType(type);
    return kind;
  }

  #open(): Promise<Connection> {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  async check({ type, urn }: ResourceIdentity, olds: PropertyMap, news: PropertyMap): Promise<CheckResult> {
    const kind = this.#kind(type);
    const { autoName } = kind;
    const missing = kind.required
      .filter((property) => isMissing(news[property]))
      .map((property) => ({ property, reason: `Missing required property '${property}'` }));
    const strange = Object.keys(news)
      .filter((property) => !kind.carried.includes(property))
      .map((property) => ({
        property,
        reason: "is not carried by the local engine; use the Pulumi CLI for this program",
      }));
    const name =
      autoName === undefined ? {} : { [autoName]: olds[autoName] ?? `${parseUrn(urn).name}-${suffix()}` };
    const inputs = { ...kind.defaults, ...name, ...news };
    return { inputs, failures: [...missing, ...strange, ...(kind.validate?.(inputs) ?? [])] };
  }

  async diff(
    { type, inputs }: ExistingResource,
    news: PropertyMap,
    ignored: readonly string[],
  ): Promise<DiffResult> {
    const kind = this.#kind(type);
    const keys = [...new Set([...Object.keys(inputs), ...Object.keys(news)])];
    const changed = keys.filter(
      (key) => !isDeepStrictEqual(inputs[key], news[key]) && !ignored.includes(key),
    );
    const replaceKeys =
      kind.update === undefined ? changed : changed.filter((key) => kind.replaceOn.includes(key));
    return {
      changes: changed.length > 0 ? "some" : "none",
      replaceKeys,
      changedKeys: changed,
      deleteBeforeReplace: false,
    };
  }

  async create(
    { type }: ResourceIdentity,
    inputs: PropertyMap,
  ): Promise<{ id: string; outputs: PropertyMap }> {
    const { id, outputs } = await this.#kind(type).create(await this.#open(), inputs);
    return { id, outputs: toWire(outputs) };
  }

  async read(resource: ExistingResource): Promise<ReadResult> {
    const outputs = await this.#kind(resource.type).read(await this.#open(), resource);
    if (outputs === undefined) return { id: "", outputs: {} };
    const live = toWire(outputs);
    // Inputs follow what is really there, so that drift shows up as a change to make.
    const known = Object.keys(resource.inputs).map((key) => [key, live[key] ?? resource.inputs[key] ?? null]);
    return { id: resource.id, outputs: live, inputs: Object.fromEntries(known) as PropertyMap };
  }

  async update(resource: ExistingResource, news: PropertyMap): Promise<PropertyMap> {
    const { update } = this.#kind(resource.type);
    if (update === undefined) throw new Error(`${resource.type} can't be updated in place`);
    return toWire(await update(await this.#open(), resource, news));
  }

  async delete(resource: ExistingResource): Promise<void> {
    await this.#kind(resource.type).delete(await this.#open(), resource);
  }

  async previewOutputs(
    { type }: ResourceIdentity,
    old: ExistingResource | undefined,
    news: PropertyMap,
  ): Promise<PropertyMap> {
    const computed = this.#kind(type).computed.map((key) => [key, old?.outputs[key] ?? UNKNOWN]);
    return { ...(Object.fromEntries(computed) as PropertyMap), ...news };
  }
}
