import { say, sayPhase } from "./say.ts";

/** Shows an engine's output as it comes: its phases, and from the errors on everything. */
export class Follower {
  /** Called with each line of a phase, after it was shown. */
  onPhase: (phase: string) => void = () => {};
  readonly #verbose: boolean;
  #failing = false;

  constructor(verbose: boolean) {
    this.#verbose = verbose;
  }

  readonly onLine = (line: string): void => {
    if (/^\s*Diagnostics:/.test(line)) this.#failing = true;
    if (/^\s*(Resources|Outputs):/.test(line)) this.#failing = false;
    const phase = /\[(canary|publish|cut-over|enforce|verify|evidence|token)\] (.*)/.exec(line);
    if (phase?.[1]) {
      sayPhase(phase[1], phase[2] ?? "");
      this.onPhase(phase[1]);
    } else if (this.#verbose || this.#failing) say(line);
  };
}
