import type { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { openProvider } from "./provider.ts";
import { type Attributes, errorTypeOf, type Opener, type OpenSpan, type TracedRun } from "./span.ts";

/** How long the end of a run waits for its spans to be sent, in milliseconds. */
const flushMs = 2_000;

interface Rotation {
  span: Span;
  below: Context;
  isOver: boolean;
}

/** The spans of this process. It does not set the API's global tracer, which the engine's own libraries may use. */
export class Spans {
  readonly #provider: BasicTracerProvider;
  readonly #tracer: Tracer;
  readonly #current: AsyncLocalStorage<Opener>;
  readonly #parent: Context;
  readonly #rotations = new Map<string, Rotation>();

  constructor(provider: BasicTracerProvider, current: AsyncLocalStorage<Opener>, parent: Context) {
    this.#provider = provider;
    this.#tracer = provider.getTracer("jwks-break-glass");
    this.#current = current;
    this.#parent = parent;
  }

  async phase<T>(run: TracedRun, phase: string, work: () => Promise<T>): Promise<T> {
    const rotation = this.#rotationOf(run);
    const inherited = { ...attributesOf(run), "jwks.phase": phase };
    const open = this.#below(rotation.below, inherited);
    try {
      return await open(phase, {}, async (span) => {
        const result = await work();
        if (hasFailed(result)) span.fail("PHASE_FAILED");
        return result;
      });
    } finally {
      // Spans that come after the end of the rotation must be sent here: the process may end at any time.
      if (rotation.isOver) await this.flush();
    }
  }

  /** @param failure why the rotation failed, as a code; undefined where it succeeded */
  end(run: TracedRun, failure?: string): void {
    const rotation = this.#rotations.get(run.realm);
    if (!rotation || rotation.isOver) return;
    rotation.isOver = true;
    if (failure) openSpan(rotation.span).fail(failure);
    rotation.span.end();
  }

  /** Sends all finished spans. Never throws, and gives up after a time limit: only spans are lost then. */
  async flush(): Promise<void> {
    const sent = this.#provider.forceFlush().catch(() => undefined);
    await Promise.race([sent, delay(flushMs, undefined, { ref: false })]);
  }

  #rotationOf(run: TracedRun): Rotation {
    const known = this.#rotations.get(run.realm);
    if (known) return known;
    const span = this.#tracer.startSpan("rotation", { attributes: attributesOf(run) }, this.#parent);
    const fresh = { span, below: trace.setSpan(this.#parent, span), isOver: false };
    this.#rotations.set(run.realm, fresh);
    return fresh;
  }

  #below(parent: Context, inherited: Attributes): Opener {
    return async (name, attributes, work) => {
      const kind = "url.full" in attributes ? SpanKind.CLIENT : SpanKind.INTERNAL;
      const all = { ...inherited, ...attributes };
      const span = this.#tracer.startSpan(name, { kind, attributes: all }, parent);
      const open = openSpan(span);
      try {
        return await this.#current.run(this.#below(trace.setSpan(parent, span), inherited), () => work(open));
      } catch (error) {
        open.fail(errorTypeOf(error));
        throw error;
      } finally {
        span.end();
      }
    };
  }
}

/** @returns undefined where the environment asks for a protocol that is not supported */
export async function openSpans(current: AsyncLocalStorage<Opener>): Promise<Spans | undefined> {
  const provider = openProvider();
  return provider && new Spans(provider, current, parentOf(process.env.TRACEPARENT));
}

/** The parent span that the caller passes in TRACEPARENT, as defined by W3C Trace Context. */
export function parentOf(traceparent: string | undefined): Context {
  const [, traceId = "", spanId = "", flags = "0"] =
    /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/.exec(traceparent ?? "") ?? [];
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(spanContext) ? trace.setSpanContext(ROOT_CONTEXT, spanContext) : ROOT_CONTEXT;
}

function openSpan(span: Span): OpenSpan {
  return {
    set: (attributes) => void span.setAttributes({ ...attributes }),
    fail: (type) => void span.setAttribute("error.type", type).setStatus({ code: SpanStatusCode.ERROR }),
  };
}

function attributesOf({ realm, rotation, mode, incident, stack }: TracedRun): Attributes {
  return {
    "jwks.realm": realm,
    "jwks.rotation": rotation,
    "jwks.mode": mode,
    "jwks.incident": incident || undefined,
    "jwks.stack": stack,
  };
}

/** Some phases don't throw: the record that they return says that they failed. */
function hasFailed(result: unknown): boolean {
  if (typeof result !== "object" || result === null || !("record" in result)) return false;
  const { record } = result;
  return typeof record === "object" && record !== null && "outcome" in record && record.outcome === "failed";
}
