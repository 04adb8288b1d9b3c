import { createRequire } from "node:module";
import type * as EngineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type * as EnginePb from "@pulumi/pulumi/proto/engine_pb.js";
import type * as ProviderGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import type * as ProviderPb from "@pulumi/pulumi/proto/provider_pb.js";
import type * as ResourceGrpc from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import type * as ResourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type * as StatusPb from "@pulumi/pulumi/proto/status_pb.js";
import type * as EmptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import type * as StructPb from "google-protobuf/google/protobuf/struct_pb.js";

// The stubs are CommonJS modules whose exports can't be detected statically, and they carry their own
// copy of google-protobuf: messages of another copy must not be mixed in.
const sdk = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));

export const engineGrpc = sdk("./proto/engine_grpc_pb.js") as typeof EngineGrpc;
export const enginePb = sdk("./proto/engine_pb.js") as typeof EnginePb;
export const providerGrpc = sdk("./proto/provider_grpc_pb.js") as typeof ProviderGrpc;
export const providerPb = sdk("./proto/provider_pb.js") as typeof ProviderPb;
export const resourceGrpc = sdk("./proto/resource_grpc_pb.js") as typeof ResourceGrpc;
export const resourcePb = sdk("./proto/resource_pb.js") as typeof ResourcePb;
export const statusPb = sdk("./proto/status_pb.js") as typeof StatusPb;
export const emptyPb = sdk("google-protobuf/google/protobuf/empty_pb.js") as typeof EmptyPb;
export const structPb = sdk("google-protobuf/google/protobuf/struct_pb.js") as typeof StructPb;

/** Path of a module of the SDK, such as `cmd/run`. */
export function sdkModule(path: string): string {
  return sdk.resolve(`./${path}/index.js`);
}

/** As the SDK sets it: states with serialized closures are larger than gRPC's 4 MB default. */
export const channelOptions = { "grpc.max_receive_message_length": 400 * 1024 * 1024 };
