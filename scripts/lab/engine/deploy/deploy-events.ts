import type { PropertyMap } from "../property-values.ts";
import type { Step } from "./steps.ts";

export type Severity = "debug" | "info" | "warning" | "error";

/** What a deployment tells whoever shows it. */
export interface DeployEvents {
  stepStarted(step: Step): void;
  stepEnded(step: Step, error: Error | undefined): void;
  diagnostic(severity: Severity, message: string, urn?: string): void;
  /** A line that the program or a provider process wrote. */
  output(source: string, stream: "stdout" | "stderr", line: string): void;
  stackOutputs(outputs: PropertyMap, before: PropertyMap): void;
}
