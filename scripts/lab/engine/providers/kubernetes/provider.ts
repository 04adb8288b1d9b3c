import { containsUnknowns, type PropertyMap } from "../../property-values.ts";
import { parseUrn } from "../../urn.ts";
import { UnknownResourceType } from "../builtin.ts";
import type {
  CheckResult,
  DiffResult,
  ExistingResource,
  Provider,
  ReadResult,
  ResourceIdentity,
} from "../provider.ts";
import { checkpointObject, checkpointParts } from "./checkpoint-object.ts";
import { ClusterUnreachable, type Connection, connect } from "./connection.ts";
import { type ProviderSettings, settingsOf } from "./provider-settings.ts";
import { secretDiff } from "./secret-diff.ts";
import { inputProblems, named, nameOf, normalized, prunedTo } from "./secret-inputs.ts";
import {
  createSecret,
  deleteSecret,
  idOf,
  objectAt,
  updateSecret,
  type WriteContext,
} from "./secret-writes.ts";
import { NoAnswer, Refused } from "./secrets-api.ts";

const SECRET = "kubernetes:core/v1:Secret";
const SECRET_PATCH = "kubernetes:core/v1:SecretPatch";

/** Whether a type is a patch. Fails for types that aren't carried. */
function isPatchType(type: string): boolean {
  if (type !== SECRET && type !== SECRET_PATCH) throw new UnknownResourceType(type);
  return type === SECRET_PATCH;
}

// What a preview can't know is no reason to fail it: missing rights to a dry run, a namespace that is yet to come,
// an object that goes before its replacement comes.
function isBeyondPreview(error: unknown): boolean {
  if (error instanceof ClusterUnreachable) return true;
  const refusal = error instanceof Error && error.cause instanceof Refused ? error.cause : error;
  if (!(refusal instanceof Refused)) return false;
  return refusal.status === 403 || ["NotFound", "AlreadyExists"].includes(refusal.reason);
}

/** `@pulumi/kubernetes`, as far as this project uses it: Secrets and patches of Secrets. */
class KubernetesProvider implements Provider {
  readonly #settings: ProviderSettings;
  #connection: Promise<Connection> | undefined;

  constructor(settings: ProviderSettings) {
    this.#settings = settings;
  }

  #connect(): Promise<Connection> {
    this.#connection ??= connect(this.#settings);
    return this.#connection;
  }

  async #with<T>(type: string, dryRun: boolean, work: (context: WriteContext) => Promise<T>): Promise<T> {
    const isPatch = isPatchType(type);
    try {
      const connection = await this.#connect();
      return await work({ connection, settings: this.#settings, isPatch, dryRun });
    } catch (error) {
      throw error instanceof NoAnswer ? new ClusterUnreachable(error.message) : error;
    }
  }

  async #defaultNamespace(): Promise<string | undefined> {
    try {
      return (await this.#connect()).namespace;
    } catch {
      // Whoever needs the cluster will say so.
      return this.#settings.namespace;
    }
  }

  async check({ type, urn }: ResourceIdentity, olds: PropertyMap, news: PropertyMap): Promise<CheckResult> {
    const failures = inputProblems(news);
    if (failures.length > 0) return { inputs: news, failures };
    if (isPatchType(type) && nameOf(news) === "") {
      const reason = "patch resources require the name of an object";
      return { inputs: news, failures: [{ property: "metadata.name", reason }] };
    }
    if (await this.#isSkipped(olds)) return { inputs: olds, failures: [] };
    const defaults = { prefix: `${parseUrn(urn).name}-`, namespace: await this.#defaultNamespace() };
    return { inputs: named(normalized(news), olds, defaults), failures: [] };
  }

  /** Whether an object that the state knows stays as it is, because its cluster can't be reached. */
  async #isSkipped(olds: PropertyMap): Promise<boolean> {
    if (!this.#settings.skipUnreachable || nameOf(olds) === "") return false;
    try {
      const { secrets, namespace } = await this.#connect();
      await secrets.find({ name: nameOf(olds), namespace });
      return false;
    } catch (error) {
      return error instanceof NoAnswer || error instanceof ClusterUnreachable;
    }
  }

  async diff(resource: ExistingResource, news: PropertyMap, ignored: readonly string[]): Promise<DiffResult> {
    const { secretMutable } = this.#settings;
    return secretDiff(resource, news, { isPatch: isPatchType(resource.type), secretMutable, ignored });
  }

  create({ type }: ResourceIdentity, inputs: PropertyMap): Promise<{ id: string; outputs: PropertyMap }> {
    return this.#with(type, false, async (context) => {
      const outputs = await createSecret(context, inputs);
      return { id: idOf(outputs), outputs };
    });
  }

  async read(resource: ExistingResource): Promise<ReadResult> {
    const { id, inputs, outputs } = resource;
    try {
      return await this.#readLive(resource);
    } catch (error) {
      if (error instanceof ClusterUnreachable && this.#settings.skipUnreachable)
        return { id, outputs, inputs };
      throw error;
    }
  }

  #readLive({ type, id, inputs, outputs }: ExistingResource): Promise<ReadResult> {
    return this.#with(type, false, async ({ connection }) => {
      const live = await connection.secrets.find(objectAt(id));
      if (live === undefined) return { id: "", outputs: {} };
      // Inputs follow what is really there, so that drift shows up as a change to make.
      const found = prunedTo(normalized(inputs), live);
      const { fieldManager = "" } = checkpointParts(outputs);
      return { id, outputs: checkpointObject(found, live, fieldManager), inputs: found };
    });
  }

  update(resource: ExistingResource, news: PropertyMap): Promise<PropertyMap> {
    return this.#with(resource.type, false, (context) => updateSecret(context, resource, news));
  }

  delete(resource: ExistingResource): Promise<void> {
    return this.#with(resource.type, false, (context) => deleteSecret(context, resource));
  }

  /** Asks the server for a dry run where it can tell. */
  async previewOutputs(
    { type }: ResourceIdentity,
    old: ExistingResource | undefined,
    news: PropertyMap,
  ): Promise<PropertyMap> {
    if (containsUnknowns(news) || (old === undefined && isPatchType(type))) return news;
    try {
      return await this.#with(type, true, (context) =>
        old === undefined ? createSecret(context, news) : updateSecret(context, old, news),
      );
    } catch (error) {
      if (isBeyondPreview(error)) return news;
      throw error;
    }
  }
}

export function kubernetesProvider(config: PropertyMap): Provider {
  return new KubernetesProvider(settingsOf(config, process.env));
}
