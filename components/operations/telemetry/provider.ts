import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

/** Spans that wait to be sent. A thousand instances produce about ten thousand within seconds. */
const maxQueueSize = 32_768;

/**
 * Sends spans by OTLP over HTTP. The standard OTEL_* variables set endpoint, headers, timeouts, sampler and batches;
 * failures of the receiver are not reported.
 *
 * @returns undefined where the environment asks for gRPC, after a warning
 */
export function openProvider(env: NodeJS.ProcessEnv = process.env): BasicTracerProvider | undefined {
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol === "grpc") {
    console.log(
      "[telemetry] warning: spans are sent over http/protobuf only, but OTEL_EXPORTER_OTLP_PROTOCOL is grpc: no spans are sent",
    );
    return undefined;
  }
  const queue = env.OTEL_BSP_MAX_QUEUE_SIZE ? {} : { maxQueueSize };
  const own = resourceFromAttributes({ "service.name": "jwks-break-glass" });
  return new BasicTracerProvider({
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(), queue)],
  });
}
