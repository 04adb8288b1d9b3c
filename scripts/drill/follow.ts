import { type Reporter, reporterNames } from "#operations/base/report";
import { say, sayPhase } from "./say.ts";

/** Called for each line of a phase, after the line was shown. */
export type PhaseListener = (phase: Reporter, line: string) => void;

/** `[verify] …`, or `[shop verify] …` where the stack rotates several realms. */
const phaseLine = new RegExp(`\\[(?:([^\\]]+) )?(${reporterNames.join("|")})\\] (.*)`);
const planHead = /\bwould\b.* in realm \S+:\s*$/;
const planLine = /^\s*(?:info:)?\s+- (.*)/;
const resourceHead = /^ {2}\S.*:\s*$/;
/** Over what was said of no resource. It tells a reader nothing. */
const stackHead = /^ {2}(?:stack|pulumi:pulumi:Stack \(.*\)):\s*$/;

/** Shows an engine's output as it comes: the plan of a preview, the phases of an up, and all errors. */
export class Follower {
  readonly listeners: PhaseListener[] = [];
  readonly #verbose: boolean;
  /** Within the engine's `Diagnostics:`, where the Pulumi CLI repeats what it has shown while the run went on. */
  #inDiagnostics = false;
  #shown = new Set<string>();
  /** The resource that the next diagnostics are of. Said only where one of them is shown. */
  #resource: string | undefined;
  #planning = false;
  #plan: string[] = [];
  /** The plan is that of a run that has ended. */
  #planIsOld = false;

  constructor(verbose: boolean) {
    this.#verbose = verbose;
  }

  /** What the latest preview has said that an up would do. */
  get plan(): readonly string[] {
    return this.#plan;
  }

  readonly onLine = (line: string): void => {
    if (/^\s*Diagnostics:/.test(line)) this.#inDiagnostics = true;
    else if (/^\s*(Resources|Outputs):/.test(line)) this.#endDiagnostics();
    else if (this.#takePlan(line) || this.#takePhase(line)) return;
    if (this.#verbose) say(line);
    else if (this.#inDiagnostics) this.#diagnose(line);
  };

  #endDiagnostics(): void {
    this.#inDiagnostics = false;
    this.#resource = undefined;
    this.#shown = new Set();
    this.#planIsOld = true;
  }

  #diagnose(line: string): void {
    if (resourceHead.test(line) || /^\s*Diagnostics:/.test(line)) {
      this.#resource = stackHead.test(line) ? undefined : line;
      return;
    }
    if (line.trim() === "") return;
    if (this.#resource !== undefined) say(this.#resource);
    this.#resource = undefined;
    say(line);
  }

  #takePhase(line: string): boolean {
    const [, realm, phase, text = ""] = phaseLine.exec(line) ?? [];
    if (phase === undefined) return false;
    const name = realm === undefined ? phase : `${realm} ${phase}`;
    if (this.#isRepeated(`${name}: ${text}`)) return true;
    sayPhase(name, text);
    for (const listener of this.listeners) listener(phase as Reporter, text);
    return true;
  }

  #takePlan(line: string): boolean {
    if (planHead.test(line)) {
      if (this.#planIsOld) this.#plan = [];
      this.#planIsOld = false;
      this.#planning = true;
      return true;
    }
    const item = this.#planning ? planLine.exec(line)?.[1] : undefined;
    this.#planning = item !== undefined;
    if (item === undefined) return false;
    if (this.#isRepeated(`plan: ${item}`)) return true;
    this.#plan.push(item);
    sayPhase("preview", item);
    return true;
  }

  /** Whether a line in the diagnostics was shown before. Two equal lines of a run are both shown. */
  #isRepeated(text: string): boolean {
    if (this.#inDiagnostics && this.#shown.has(text)) return true;
    this.#shown.add(text);
    return false;
  }
}
