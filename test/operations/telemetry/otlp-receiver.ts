import type { TestContext } from "node:test";
import { BinaryReader } from "google-protobuf";
import { type LoopbackServer, serve } from "../loopback-server.ts";

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  attributes: Record<string, string | number>;
  /** Of the resource that it comes from. */
  resource: Record<string, string | number>;
  isError: boolean;
}

export interface OtlpReceiver {
  url: string;
  spans(): ReceivedSpan[];
  /** Everything that was sent, headers too, for a search of what must not be there. */
  raw(): string;
  paths(): string[];
}

/** A real receiver of OTLP over HTTP with protobuf, on loopback; it ends with the test. */
export async function receiveSpans(t: TestContext): Promise<OtlpReceiver> {
  const server = await serve(t, (response) => response.writeHead(200).end());
  return {
    url: server.url,
    spans: () => server.received.flatMap(({ bytes }) => decode(bytes)),
    raw: () => rawOf(server),
    paths: () => server.received.map(({ url }) => url),
  };
}

function rawOf({ received }: LoopbackServer): string {
  return received.map(({ bytes, headers }) => `${JSON.stringify(headers)}${bytes.toString("latin1")}`).join();
}

type Field = (reader: BinaryReader) => void;

/** Reads a message field by field, by the numbers of opentelemetry-proto's trace.proto; others are skipped. */
function read(bytes: Uint8Array, fields: Record<number, Field>): void {
  const reader = new BinaryReader(bytes);
  while (reader.nextField()) {
    const field = fields[reader.getFieldNumber()];
    if (field) field(reader);
    else reader.skipField();
  }
}

function decode(request: Uint8Array): ReceivedSpan[] {
  const spans: ReceivedSpan[] = [];
  const resourceSpans = (bytes: Uint8Array) => {
    const resource: ReceivedSpan["resource"] = {};
    read(bytes, {
      1: (outer) => read(outer.readBytes(), { 1: (inner) => addAttribute(resource, inner.readBytes()) }),
      2: (outer) =>
        read(outer.readBytes(), { 2: (inner) => spans.push({ ...decodeSpan(inner.readBytes()), resource }) }),
    });
  };
  read(request, { 1: (reader) => resourceSpans(reader.readBytes()) });
  return spans;
}

function decodeSpan(bytes: Uint8Array): Omit<ReceivedSpan, "resource"> {
  const span = { traceId: "", spanId: "", parentSpanId: "", name: "", attributes: {}, isError: false };
  const hex = (reader: BinaryReader) => Buffer.from(reader.readBytes()).toString("hex");
  read(bytes, {
    1: (reader) => Object.assign(span, { traceId: hex(reader) }),
    2: (reader) => Object.assign(span, { spanId: hex(reader) }),
    4: (reader) => Object.assign(span, { parentSpanId: hex(reader) }),
    5: (reader) => Object.assign(span, { name: reader.readString() }),
    9: (reader) => addAttribute(span.attributes, reader.readBytes()),
    15: (reader) =>
      read(reader.readBytes(), { 3: (status) => Object.assign(span, { isError: status.readEnum() === 2 }) }),
  });
  return span;
}

function addAttribute(to: Record<string, string | number>, bytes: Uint8Array): void {
  let key = "";
  read(bytes, {
    1: (reader) => {
      key = reader.readString();
    },
    2: (reader) =>
      read(reader.readBytes(), {
        1: (value) => Object.assign(to, { [key]: value.readString() }),
        3: (value) => Object.assign(to, { [key]: value.readInt64() }),
      }),
  });
}
