import type { DeployEvents, Severity } from "../deploy/deploy-events.ts";
import type { Step } from "../deploy/steps.ts";
import { CLOSURE_KEY, type PropertyMap, type PropertyValue } from "../property-values.ts";
import type { ResourceState } from "../state/resource-state.ts";
import { isDefaultProvider } from "../urn.ts";
import { masked } from "./display-value.ts";
import type { Redactor } from "./redactor.ts";
import { resultOp } from "./step-words.ts";

function withoutClosure({ [CLOSURE_KEY]: _closure, ...others }: PropertyMap): PropertyMap {
  return others;
}

function shown(state: ResourceState | undefined): object | undefined {
  if (state === undefined) return undefined;
  const { inputs, outputs, ...others } = state;
  const mask = (properties: PropertyMap): PropertyValue => masked(withoutClosure(properties));
  return { ...others, inputs: mask(inputs), outputs: mask(outputs) };
}

/** Collects a preview in the shape of `pulumi preview --json`. */
export class JsonPreview implements DeployEvents {
  readonly #redactor: Redactor;
  readonly #write: (line: string) => void;
  readonly #since = performance.now();
  readonly #steps: object[] = [];
  readonly #diagnostics: object[] = [];
  readonly #summary: Record<string, number> = {};

  constructor(redactor: Redactor, write: (line: string) => void) {
    this.#redactor = redactor;
    this.#write = write;
  }

  stepStarted(): void {}

  stepEnded(step: Step): void {
    if (isDefaultProvider(step.urn)) return;
    const op = resultOp(step);
    const isPart = op === "create-replacement" || op === "delete-replaced";
    if (!isPart) this.#summary[op] = (this.#summary[op] ?? 0) + 1;
    if (op === "same") return;
    const { urn, diff } = step;
    const reasons = diff?.changedKeys.filter((key) => key !== CLOSURE_KEY);
    this.#steps.push({
      op,
      urn,
      oldState: shown(step.old),
      newState: shown(step.new),
      ...(reasons?.length && { diffReasons: reasons }),
      ...(diff?.replaceKeys.length && { replaceReasons: diff.replaceKeys }),
    });
  }

  diagnostic(severity: Severity, message: string, urn = ""): void {
    if (severity !== "debug") this.#diagnostics.push({ ...(urn !== "" && { urn }), message, severity });
  }

  output(_source: string, stream: "stdout" | "stderr", line: string): void {
    this.#diagnostics.push({ message: line, severity: stream === "stdout" ? "info" : "error" });
  }

  stackOutputs(): void {}

  get changes(): number {
    return Object.entries(this.#summary).reduce((sum, [op, count]) => (op === "same" ? sum : sum + count), 0);
  }

  summary(): void {
    const digest = {
      steps: this.#steps,
      diagnostics: this.#diagnostics,
      duration: Math.round((performance.now() - this.#since) * 1e6),
      changeSummary: this.#summary,
    };
    this.#write(this.#redactor.clean(JSON.stringify(digest, undefined, 2)));
  }
}
