import { setTimeout as pause } from "node:timers/promises";
import type * as Client from "@kubernetes/client-node";
import { isObject, type PropertyMap, toWire } from "../../property-values.ts";

export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

export interface WriteOptions {
  readonly fieldManager: string;
  /** The server checks, answers as if it had done it, and does nothing. */
  readonly dryRun: boolean;
}

/** What the API server has refused, in its own words. */
export class Refused extends Error {
  readonly status: number;
  /** Kubernetes' own name, such as `AlreadyExists`. */
  readonly reason: string;

  constructor(status: number, { message, reason }: PropertyMap) {
    super(typeof message === "string" ? message : `the API server answered HTTP ${status}`);
    this.name = "Refused";
    this.status = status;
    this.reason = typeof reason === "string" ? reason : "";
  }
}

/** There was no answer. */
export class NoAnswer extends Error {
  constructor(error: unknown) {
    const { message, cause } = error as { message?: string; cause?: { code?: string; message?: string } };
    // `fetch failed` says less than why it did.
    super(cause?.code ?? cause?.message ?? message ?? String(error));
    this.name = "NoAnswer";
  }
}

const DELETION_POLL_MS = 100;
const DELETION_DEADLINE_MS = 600_000;

function statusBody(body: unknown): PropertyMap {
  try {
    const content: unknown = typeof body === "string" ? JSON.parse(body) : body;
    return isObject(content) ? content : {};
  } catch {
    return {};
  }
}

/** Secrets of one cluster, by server-side apply and plain calls. Failures are `Refused` or `NoAnswer`. */
export class SecretsApi {
  readonly #client: typeof Client;
  readonly #core: Client.CoreV1Api;

  constructor(client: typeof Client, config: Client.KubeConfig) {
    this.#client = client;
    this.#core = config.makeApiClient(client.CoreV1Api);
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof this.#client.ApiException) throw new Refused(error.code, statusBody(error.body));
      throw new NoAnswer(error);
    }
  }

  /** Undefined: there is none. */
  async find(at: ObjectName): Promise<PropertyMap | undefined> {
    try {
      return toWire(await this.#call(() => this.#core.readNamespacedSecret({ ...at })));
    } catch (error) {
      if (error instanceof Refused && error.reason === "NotFound") return undefined;
      throw error;
    }
  }

  async create(namespace: string, body: PropertyMap, options: WriteOptions): Promise<PropertyMap> {
    const { fieldManager, dryRun } = options;
    const request = { namespace, body, fieldManager, ...(dryRun && { dryRun: "All" }) };
    return toWire(await this.#call(() => this.#core.createNamespacedSecret(request)));
  }

  /** Server-side apply. Fields that the manager had and the body lacks are let go of. */
  async apply(
    at: ObjectName,
    body: PropertyMap,
    options: WriteOptions & { force: boolean },
  ): Promise<PropertyMap> {
    const { fieldManager, dryRun, force } = options;
    const request = { ...at, body, fieldManager, force, ...(dryRun && { dryRun: "All" }) };
    return this.#patch(request, "ServerSideApply");
  }

  /** Hands fields to another manager. Fails if the object has changed since it was read. */
  async setManagedFields(
    at: ObjectName,
    managedFields: PropertyMap[],
    resourceVersion: string,
  ): Promise<void> {
    const body = [
      { op: "replace", path: "/metadata/managedFields", value: managedFields },
      { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
    ];
    await this.#patch({ ...at, body }, "JsonPatch");
  }

  async #patch(
    request: Client.CoreV1ApiPatchNamespacedSecretRequest,
    strategy: keyof typeof Client.PatchStrategy,
  ): Promise<PropertyMap> {
    const { setHeaderOptions, PatchStrategy } = this.#client;
    const options = setHeaderOptions("Content-Type", PatchStrategy[strategy]);
    return toWire(await this.#call(() => this.#core.patchNamespacedSecret(request, options)));
  }

  /** Deletes the object and waits until it is gone. A missing object is not an error. */
  async remove(at: ObjectName): Promise<void> {
    const before = await this.find(at);
    if (before === undefined) return;
    await this.#call(() => this.#core.deleteNamespacedSecret({ ...at, propagationPolicy: "Foreground" }));
    const uidOf = ({ metadata }: PropertyMap) => (isObject(metadata) ? metadata.uid : undefined);
    const deadline = Date.now() + DELETION_DEADLINE_MS;
    for (let now = await this.find(at); now !== undefined; now = await this.find(at)) {
      if (uidOf(now) !== uidOf(before)) return;
      if (Date.now() > deadline) throw new Error(`${at.namespace}/${at.name} is still being deleted`);
      await pause(DELETION_POLL_MS);
    }
  }
}
