import type { DeployEvents, Severity } from "../deploy/deploy-events.ts";
import type { Step, StepOp } from "../deploy/steps.ts";
import type { PropertyMap } from "../property-values.ts";
import { isDefaultProvider, parseUrn } from "../urn.ts";
import { displayValue } from "./display-value.ts";
import { propertyDiff } from "./property-diff.ts";
import type { Redactor } from "./redactor.ts";
import { countedWord, doingWord, doneWord, resultOp, signOf } from "./step-words.ts";

export interface DisplayOptions {
  readonly dryRun: boolean;
  /** Show which properties change. */
  readonly diff: boolean;
  readonly suppressOutputs: boolean;
  readonly redactor: Redactor;
  write(line: string): void;
}

interface Diagnostic {
  readonly severity: Severity;
  readonly message: string;
  readonly urn: string;
}

function label(urn: string): string {
  const { type, name } = parseUrn(urn);
  return `${type} ${name}`;
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)}s`;
}

/** One line per event while a deployment runs, and the summary at its end. */
export class ProgressDisplay implements DeployEvents {
  readonly counts = new Map<StepOp, number>();
  readonly #options: DisplayOptions;
  readonly #started = new Map<Step, number>();
  readonly #diagnostics: Diagnostic[] = [];
  readonly #since = performance.now();
  #outputs: { now: PropertyMap; before: PropertyMap } | undefined;

  constructor(options: DisplayOptions) {
    this.#options = options;
  }

  #line(text: string): void {
    this.#options.write(this.#options.redactor.clean(text));
  }

  #learn(step: Step): void {
    for (const state of [step.old, step.new]) {
      if (state === undefined) continue;
      this.#options.redactor.addSecretsOf(state.inputs);
      this.#options.redactor.addSecretsOf(state.outputs);
    }
  }

  stepStarted(step: Step): void {
    this.#learn(step);
    this.#started.set(step, performance.now());
    if (isDefaultProvider(step.urn) || step.op === "same" || this.#options.dryRun) return;
    this.#line(` ${signOf(step)} ${label(step.urn)} ${doingWord(step)} (0s)`);
  }

  stepEnded(step: Step, error: Error | undefined): void {
    this.#learn(step);
    if (isDefaultProvider(step.urn)) return;
    const time = seconds(this.#started.get(step) ?? performance.now());
    if (error === undefined) this.#succeeded(step, time);
    else this.#line(` ${signOf(step)} ${label(step.urn)} **${doingWord(step)} failed** (${time})`);
  }

  #succeeded(step: Step, time: string): void {
    const op = resultOp(step);
    this.counts.set(op, (this.counts.get(op) ?? 0) + 1);
    if (op !== "same") this.#line(this.#endLine(step, time));
    // The parts of a replacement have shown its diff already.
    if (op !== "same" && op !== "replace" && this.#options.diff) this.#showDiff(step);
  }

  #endLine(step: Step, time: string): string {
    if (!this.#options.dryRun) return ` ${signOf(step)} ${label(step.urn)} ${doneWord(step)} (${time})`;
    const keys = step.diff?.changedKeys ?? [];
    const cause = step.diff?.replaceKeys.length ? ` [replaces: ${step.diff.replaceKeys.join(", ")}]` : "";
    const changed =
      keys.length > 0 && cause === ""
        ? ` [diff: ${keys.filter((key) => key !== "__provider").join(", ")}]`
        : "";
    return ` ${signOf(step)} ${label(step.urn)} ${step.op}${cause}${changed}`;
  }

  #showDiff({ op, old, new: state }: Step): void {
    // A refresh shows what has changed in the world, an update what the program will change.
    const [before, after] = op === "refresh" ? [old?.outputs, state?.outputs] : [old?.inputs, state?.inputs];
    const isDelete = op === "delete" || op === "delete-replaced";
    for (const text of propertyDiff(before ?? {}, isDelete ? (before ?? {}) : (after ?? {})))
      this.#line(`      ${text}`);
  }

  diagnostic(severity: Severity, message: string, urn = ""): void {
    if (severity === "debug" || message.trim() === "") return;
    if (severity !== "info") this.#diagnostics.push({ severity, message, urn });
    const where = urn === "" ? "" : `${label(urn)}: `;
    for (const text of message.trimEnd().split("\n")) this.#line(`    ${where}${severity}: ${text}`);
  }

  output(source: string, stream: "stdout" | "stderr", line: string): void {
    this.#line(`    ${source}: ${stream === "stderr" ? "error: " : ""}${line}`);
  }

  stackOutputs(now: PropertyMap, before: PropertyMap): void {
    this.#options.redactor.addSecretsOf(now);
    this.#outputs = { now, before };
  }

  /** How many resources this run would change, or has changed. */
  get changes(): number {
    return [...this.counts].reduce((sum, [op, count]) => (op === "same" ? sum : sum + count), 0);
  }

  summary(): void {
    this.#showDiagnostics();
    if (this.#outputs !== undefined && !this.#options.suppressOutputs)
      this.#showOutputs(this.#outputs.now, this.#outputs.before);
    this.#line("Resources:");
    for (const [op, count] of this.counts) {
      const word = countedWord(op);
      if (word === "") continue;
      const verb = this.#options.dryRun && op !== "same" ? `to ${op}` : word;
      this.#line(
        op === "same"
          ? `    ${count} ${verb}`
          : `    ${signOf({ op, urn: "", type: "" }).trimEnd()} ${count} ${verb}`,
      );
    }
    this.#line("");
    this.#line(`Duration: ${seconds(this.#since)}`);
  }

  #showDiagnostics(): void {
    if (this.#diagnostics.length === 0) return;
    this.#line("Diagnostics:");
    for (const urn of new Set(this.#diagnostics.map((diagnostic) => diagnostic.urn))) {
      this.#line(urn === "" ? "  stack:" : `  ${parseUrn(urn).type} (${parseUrn(urn).name}):`);
      for (const { severity, message } of this.#diagnostics.filter((diagnostic) => diagnostic.urn === urn)) {
        this.#line(`    ${severity}: ${message.trimEnd().replaceAll("\n", "\n    ")}`);
      }
    }
    this.#line("");
  }

  #showOutputs(now: PropertyMap, before: PropertyMap): void {
    const keys = Object.keys(now).sort();
    if (keys.length === 0) return;
    const changed = propertyDiff(before, now);
    this.#line("Outputs:");
    if (this.#options.dryRun || Object.keys(before).length > 0) {
      for (const text of changed) this.#line(`  ${text}`);
      const same = keys.filter((key) => !changed.some((text) => text.slice(2).startsWith(`${key}:`)));
      for (const key of same) this.#line(`    ${key}: ${displayValue(now[key])}`);
    } else for (const key of keys) this.#line(`    ${key}: ${displayValue(now[key])}`);
    this.#line("");
  }
}
