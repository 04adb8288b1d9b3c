import { Metadata, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type { Message } from "google-protobuf";
import { DeploymentStopped } from "./deploy/executor.ts";
import { messageOf } from "./engine-error.ts";

type Handler<Request, Response> = (request: Request) => Promise<Response>;

/** Serves a method; failures of the deployment itself tell the SDK to end the program quietly. */
export function unary<Request, Response extends Message>(handle: Handler<Request, Response>) {
  return (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>): void => {
    handle(call.request).then(
      (response) => done(null, response),
      (error: unknown) => {
        const code =
          error instanceof DeploymentStopped ? status.UNAVAILABLE : (grpcCode(error) ?? status.UNKNOWN);
        done({
          name: "Error",
          code,
          message: messageOf(error),
          details: messageOf(error),
          metadata: new Metadata(),
        });
      },
    );
  };
}

/** Something that only the Pulumi CLI can do. */
export class Unsupported extends Error {}

function grpcCode(error: unknown): status | undefined {
  return error instanceof Unsupported ? status.UNIMPLEMENTED : undefined;
}
