import type { PhaseListener } from "./follow.ts";

/** Shows what one phase of an emergency does: the state before, while and after the rotation runs. */
export interface PhaseDemo {
  readonly name: "sessions" | "freeze";
  /** What it adds to the stack config. */
  readonly config: Record<string, unknown>;
  readonly onPhase: PhaseListener;
  /**
   * Shows the state after the rotation.
   *
   * @param verified whether the rotation was verified
   */
  after(verified: boolean): Promise<DemoResult>;
}

export interface DemoResult {
  /** Whether everything was as expected. */
  ok: boolean;
  /** For the summary. */
  found: Record<string, unknown>;
}
