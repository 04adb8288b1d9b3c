import { AsyncLocalStorage } from "node:async_hooks";
import type { RunContext } from "./evidence.ts";
import type { Spans } from "./telemetry/spans.ts";

/** What a span says. Never a token, never a secret: values go to another system as they are. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** The span that is open, for what is known only at its end. */
export interface OpenSpan {
  set(attributes: Attributes): void;
  /** Marks it as failed. `type` is of low cardinality, as an error's code or a status. */
  fail(type: string): void;
}

/** Work as part of a span: opens another below it. */
export type Opener = <T>(
  name: string,
  attributes: Attributes,
  work: (span: OpenSpan) => Promise<T>,
) => Promise<T>;

/** As much of a run as spans tell. */
export type TracedRun = Pick<RunContext, "realm"> &
  Partial<Pick<RunContext, "rotation" | "mode" | "incident" | "stack">>;

const current = new AsyncLocalStorage<Opener>();
const silent: OpenSpan = { set: () => undefined, fail: () => undefined };

/** The URL that spans go to, by the standard environment variables; undefined where none are to be sent. */
export function tracesEndpoint(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const isOff = env.OTEL_SDK_DISABLED?.toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER === "none";
  if (isOff) return undefined;
  return env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT || undefined;
}

const isOn = tracesEndpoint() !== undefined;
let loading: Promise<Spans | undefined> | undefined;

/** Nothing of OpenTelemetry is loaded where no span is to be sent. */
function load(): Promise<Spans | undefined> {
  loading ??= import("./telemetry/spans.ts").then(({ openSpans }) => openSpans(current)).catch(unavailable);
  return loading;
}

function unavailable(): undefined {
  console.log("[telemetry] warning: OpenTelemetry could not be set up; the rotation goes on without spans");
}

/** Does a phase in a span of its own, below the one of the realm's rotation. */
export async function inPhase<T>(run: TracedRun, phase: string, work: () => Promise<T>): Promise<T> {
  if (!isOn) return work();
  const spans = await load();
  return spans ? spans.phase(run, phase, work) : work();
}

/**
 * Does a piece of work in a span, where there is a phase with one; else it costs next to nothing.
 *
 * @param attributes asked for only where there is a span
 */
export function inSpan<T>(
  name: string,
  attributes: () => Attributes,
  work: (span: OpenSpan) => Promise<T>,
): Promise<T> {
  const open = isOn ? current.getStore() : undefined;
  return open ? open(name, attributes(), work) : work(silent);
}

/** Ends the span of a realm's rotation and sends what there is, for two seconds at the longest. Never throws. */
export async function endTrace(run: TracedRun, failure?: string): Promise<void> {
  const spans = loading && (await loading);
  if (!spans) return;
  spans.end(run, failure);
  await spans.flush();
}
