import { deflateRawSync, inflateRawSync } from "node:zlib";

declare const content: unique symbol;

/**
 * A value as one short text. What a thousand instances have said takes a twentieth of the room in the state, and one line
 * in a diff.
 */
export type Packed<T> = string & { readonly [content]?: T };

export function pack<T>(value: T): Packed<T> {
  return deflateRawSync(JSON.stringify(value)).toString("base64");
}

export function unpack<T>(packed: Packed<T>): T {
  return JSON.parse(inflateRawSync(Buffer.from(packed, "base64")).toString()) as T;
}
