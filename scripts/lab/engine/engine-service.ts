import { Metadata, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import type { DeployEvents, Severity } from "./deploy/deploy-events.ts";
import { unary } from "./grpc-handler.ts";
import { emptyPb, enginePb } from "./proto.ts";

const SEVERITIES: readonly Severity[] = ["debug", "info", "warning", "error"];

/** Pulumi's Engine service: logs of the program, and its root resource. */
export function engineService(events: DeployEvents): UntypedServiceImplementation {
  let root = "";
  return {
    log: unary(async (request: LogRequest) => {
      const severity = SEVERITIES[request.getSeverity()] ?? "info";
      events.diagnostic(severity, request.getMessage(), request.getUrn());
      return new emptyPb.Empty();
    }),
    getRootResource: unary(async () => new enginePb.GetRootResourceResponse().setUrn(root)),
    setRootResource: unary(async (request: InstanceType<typeof enginePb.SetRootResourceRequest>) => {
      root = request.getUrn();
      return new enginePb.SetRootResourceResponse();
    }),
    requirePulumiVersion: unary(async () => new enginePb.RequirePulumiVersionResponse()),
    startDebugging: (_call: unknown, done: (error: object) => void) =>
      done({ code: status.UNIMPLEMENTED, details: "no debugging", metadata: new Metadata() }),
  };
}
