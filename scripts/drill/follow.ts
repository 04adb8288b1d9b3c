import { say, sayPhase } from "./say.ts";

/** Of an operation beside the rotation, told each line of a phase after it was shown. */
export type PhaseListener = (phase: string, line: string) => void;

const phases = "check|freeze|canary|publish|announce|cut-over|revoke|enforce|verify|evidence|thaw|token";
const phaseLine = new RegExp(`\\[(${phases})\\] (.*)`);
const planHead = /An up would do this/;
const planLine = /^\s*(?:info:)?\s+- (.*)/;

/** Shows an engine's output as it comes: a preview's plan, an up's phases, and from the errors on everything. */
export class Follower {
  readonly listeners: PhaseListener[] = [];
  readonly #verbose: boolean;
  #failing = false;
  #planning = false;
  #plan: string[] = [];

  constructor(verbose: boolean) {
    this.#verbose = verbose;
  }

  /** What the latest preview has said that an up would do. */
  get plan(): readonly string[] {
    return this.#plan;
  }

  readonly onLine = (line: string): void => {
    if (/^\s*Diagnostics:/.test(line)) this.#failing = true;
    if (/^\s*(Resources|Outputs):/.test(line)) this.#failing = false;
    if (this.#takePlan(line)) return;
    const [, phase, text = ""] = phaseLine.exec(line) ?? [];
    if (phase === undefined) {
      if (this.#verbose || this.#failing) say(line);
      return;
    }
    sayPhase(phase, text);
    for (const listener of this.listeners) listener(phase, text);
  };

  #takePlan(line: string): boolean {
    if (planHead.test(line)) {
      this.#plan = [];
      this.#planning = true;
      return true;
    }
    const item = this.#planning ? planLine.exec(line)?.[1] : undefined;
    this.#planning = item !== undefined;
    if (item === undefined) return false;
    this.#plan.push(item);
    sayPhase("preview", item);
    return true;
  }
}
