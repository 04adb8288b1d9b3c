import { credentials, type ServiceError } from "@grpc/grpc-js";
import type * as Pb from "@pulumi/pulumi/proto/provider_pb.js";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import type { PropertyMap } from "../property-values.ts";
import { channelOptions, providerGrpc, providerPb, statusPb, structPb } from "../proto.ts";
import {
  type CheckResult,
  type DiffResult,
  type ExistingResource,
  InitError,
  type Provider,
  type ReadResult,
  type ResourceIdentity,
} from "./provider.ts";

function toStruct(map: PropertyMap): Struct {
  return structPb.Struct.fromJavaScript(map);
}

function fromStruct(struct: Struct | undefined): PropertyMap {
  return (struct?.toJavaScript() ?? {}) as PropertyMap;
}

/** Finds the partial state that a provider packs into the details of a failed create or update. */
function asInitError(error: ServiceError): Error {
  const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(packed instanceof Buffer)) return new Error(error.details || error.message);
  for (const detail of statusPb.Status.deserializeBinary(packed).getDetailsList()) {
    if (detail.getTypeName() !== "pulumirpc.ErrorResourceInitFailed") continue;
    const failed = providerPb.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
    return new InitError(failed.getId(), fromStruct(failed.getProperties()), failed.getReasonsList());
  }
  return new Error(error.details || error.message);
}

type Done<Response> = (error: ServiceError | null, response: Response) => void;

/** Talks to the SDK's own provider process, which runs the methods of dynamic resources. */
export class DynamicProvider implements Provider {
  readonly #client: InstanceType<typeof providerGrpc.ResourceProviderClient>;

  constructor(port: number) {
    const address = `127.0.0.1:${port}`;
    this.#client = new providerGrpc.ResourceProviderClient(
      address,
      credentials.createInsecure(),
      channelOptions,
    );
  }

  async #call<Response>(invoke: (done: Done<Response>) => unknown): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    invoke((error, response) => (error === null ? resolve(response) : reject(asInitError(error))));
    return promise;
  }

  /** Hands the stack config to `configure` of each dynamic provider. */
  async configure(config: PropertyMap): Promise<void> {
    const request = new providerPb.ConfigureRequest();
    request.setArgs(toStruct(config));
    await this.#call<Pb.ConfigureResponse>((done) => this.#client.configure(request, done));
  }

  async check({ urn }: ResourceIdentity, olds: PropertyMap, news: PropertyMap): Promise<CheckResult> {
    const request = new providerPb.CheckRequest().setUrn(urn).setOlds(toStruct(olds)).setNews(toStruct(news));
    const response = await this.#call<Pb.CheckResponse>((done) => this.#client.check(request, done));
    const failures = response.getFailuresList().map((failure) => failure.toObject());
    return { inputs: fromStruct(response.getInputs()), failures };
  }

  async diff({ urn, id, inputs, outputs }: ExistingResource, news: PropertyMap): Promise<DiffResult> {
    const request = new providerPb.DiffRequest().setUrn(urn).setId(id).setOlds(toStruct(outputs));
    request.setNews(toStruct(news)).setOldInputs(toStruct(inputs));
    const response = await this.#call<Pb.DiffResponse>((done) => this.#client.diff(request, done));
    const { DIFF_SOME, DIFF_NONE } = providerPb.DiffResponse.DiffChanges;
    const changes = response.getChanges();
    return {
      changes: changes === DIFF_SOME ? "some" : changes === DIFF_NONE ? "none" : "unknown",
      replaceKeys: response.getReplacesList(),
      changedKeys: response.getDiffsList(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
    };
  }

  async create(
    { urn }: ResourceIdentity,
    inputs: PropertyMap,
  ): Promise<{ id: string; outputs: PropertyMap }> {
    const request = new providerPb.CreateRequest().setUrn(urn).setProperties(toStruct(inputs));
    const response = await this.#call<Pb.CreateResponse>((done) => this.#client.create(request, done));
    if (response.getId() === "") throw new Error(`plugin returned empty resource.ID from create '${urn}'`);
    return { id: response.getId(), outputs: fromStruct(response.getProperties()) };
  }

  async read({ urn, id, inputs, outputs }: ExistingResource): Promise<ReadResult> {
    const request = new providerPb.ReadRequest().setUrn(urn).setId(id);
    request.setProperties(toStruct(outputs)).setInputs(toStruct(inputs));
    const response = await this.#call<Pb.ReadResponse>((done) => this.#client.read(request, done));
    const refreshed = response.getInputs();
    return {
      id: response.getId(),
      outputs: fromStruct(response.getProperties()),
      ...(refreshed && { inputs: fromStruct(refreshed) }),
    };
  }

  async update({ urn, id, inputs, outputs }: ExistingResource, news: PropertyMap): Promise<PropertyMap> {
    const request = new providerPb.UpdateRequest().setUrn(urn).setId(id).setOlds(toStruct(outputs));
    request.setNews(toStruct(news)).setOldInputs(toStruct(inputs));
    const response = await this.#call<Pb.UpdateResponse>((done) => this.#client.update(request, done));
    return fromStruct(response.getProperties());
  }

  async delete({ urn, id, inputs, outputs }: ExistingResource): Promise<void> {
    const request = new providerPb.DeleteRequest().setUrn(urn).setId(id);
    request.setProperties(toStruct(outputs)).setOldInputs(toStruct(inputs));
    await this.#call<unknown>((done) => this.#client.delete(request, done));
  }

  async previewOutputs(
    _resource: ResourceIdentity,
    _old: ExistingResource | undefined,
    news: PropertyMap,
  ): Promise<PropertyMap> {
    return news;
  }
}
