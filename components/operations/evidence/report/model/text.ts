import { describeVerdict } from "../../../proof/probe.ts";
import { type SpreadVerdict, whereDivided } from "../../../proof/spread.ts";
import type { Text } from "./report.ts";

export function name(text: string): Text {
  return [{ kind: "name", text }];
}

/** Empty where there is no time. */
export function time(text: string | undefined): Text {
  return text === undefined ? "" : [{ kind: "time", text }];
}

export function yesOrNo(isGood: boolean): Text {
  return [isGood ? { kind: "good", text: "yes" } : { kind: "bad", text: "NO" }];
}

export function outcome(word: string): Text {
  return word === "failed" ? [{ kind: "bad", text: word }] : word;
}

/** Each different verdict once, with how many processes gave it where they differ; empty where nothing was asked. */
export function verdicts(given: readonly SpreadVerdict[]): string {
  const phrases = given.map((one) => {
    const where = whereDivided(one);
    return `${describeVerdict(one.verdict)}${where && ` ${where}`}`;
  });
  return [...new Set(phrases)].join(", ");
}

/** With its target, where it has one. */
export function nameOf({ target, instance }: { target?: string | undefined; instance: string }): string {
  return target ? `${target}/${instance}` : instance;
}

/** Milliseconds in seconds: `8.25 s`, `18.0 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** The text without its marks. */
export function plainText(text: Text): string {
  if (typeof text === "string") return text;
  return text.map((part) => (typeof part === "string" ? part : part.text)).join("");
}
