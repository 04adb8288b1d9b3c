import { AsyncLocalStorage } from "node:async_hooks";
import type { Attributes, Opener, OpenSpan, TracedRun } from "./span.ts";
import type { Spans } from "./spans.ts";

const current = new AsyncLocalStorage<Opener>();
const silent: OpenSpan = { set: () => undefined, fail: () => undefined };

/** The URL that spans are sent to, from the standard environment variables; undefined where none are sent. */
export function tracesEndpoint(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const isOff = env.OTEL_SDK_DISABLED?.toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER === "none";
  if (isOff) return undefined;
  return env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT || undefined;
}

const isOn = tracesEndpoint() !== undefined;
let loading: Promise<Spans | undefined> | undefined;

/** OpenTelemetry is loaded only where spans are sent. */
function load(): Promise<Spans | undefined> {
  loading ??= import("./spans.ts").then(({ openSpans }) => openSpans(current)).catch(unavailable);
  return loading;
}

function unavailable(): undefined {
  console.log("[telemetry] warning: OpenTelemetry could not be set up; the rotation continues without spans");
}

/** Runs a phase in a span of its own, as a child of the realm's rotation span. */
export async function inPhase<T>(run: TracedRun, phase: string, work: () => Promise<T>): Promise<T> {
  if (!isOn) return work();
  const spans = await load();
  return spans ? spans.phase(run, phase, work) : work();
}

/**
 * Does work in a span where the phase has one; otherwise it costs almost nothing.
 *
 * @param attributes called only where there is a span
 */
export function inSpan<T>(
  name: string,
  attributes: () => Attributes,
  work: (span: OpenSpan) => Promise<T>,
): Promise<T> {
  const open = isOn ? current.getStore() : undefined;
  return open ? open(name, attributes(), work) : work(silent);
}

/** Ends the span of a realm's rotation and sends all spans, for two seconds at most. Never throws. */
export async function endTrace(run: TracedRun, failure?: string): Promise<void> {
  const spans = loading && (await loading);
  if (!spans) return;
  spans.end(run, failure);
  await spans.flush();
}
