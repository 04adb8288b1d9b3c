import { styleText } from "node:util";

const startedAt = Date.now();

/** Prints a line with the seconds since the drill's start. */
export function say(line: string): void {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(6);
  console.log(`${styleText("dim", `${seconds} s`)}  ${line}`);
}

/** Prints a line of one phase, or of what goes on beside the phases. */
export function sayPhase(phase: string, line: string): void {
  say(`${styleText("cyan", phase.padEnd(9))} ${line}`);
}

export function title(text: string): void {
  console.log(`\n${styleText("bold", text)}`);
}
