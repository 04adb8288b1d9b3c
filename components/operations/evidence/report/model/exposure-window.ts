import type { Evidence } from "../../evidence-schema.ts";
import { seconds } from "./text.ts";

/** For how long some instance still accepted tokens of a retired key. */
export function describeWindow({ exposureWindow: window, retired, verification }: Evidence): string {
  if (window) return `${window.exact ? "" : "at most "}${seconds(window.ms)}`;
  return verification?.verified && retired.length === 0 ? "none: no key was retired" : "open";
}
