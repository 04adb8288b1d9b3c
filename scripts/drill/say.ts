import { styleText } from "node:util";
import { reporterNames } from "#operations/base/report";

const startedAt = Date.now();

/** Prints a line with the seconds since the drill's start. */
export function say(line: string): void {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(6);
  console.log(`${styleText("dim", `${seconds} s`)}  ${line}`);
}

const phaseWidth = Math.max(...reporterNames.map(({ length }) => length));

/** Prints a line of one phase, or of something that the drill does meanwhile. */
export function sayPhase(phase: string, line: string): void {
  say(`${styleText("cyan", phase.padEnd(phaseWidth))} ${line}`);
}

export function title(text: string): void {
  console.log(`\n${styleText("bold", text)}`);
}
