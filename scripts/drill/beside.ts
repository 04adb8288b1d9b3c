import type { PhaseListener } from "./follow.ts";

/** Something that is played beside an emergency, and shows one of its phases. Starting it shows how it was before. */
export interface Beside {
  readonly name: "sessions" | "freeze";
  /** What the stack config gets for it. */
  readonly config: Record<string, unknown>;
  readonly onPhase: PhaseListener;
  /**
   * Shows how it is after the rotation.
   *
   * @param verified whether the rotation was
   */
  after(verified: boolean): Promise<BesideFindings>;
}

export interface BesideFindings {
  /** Whether everything was as it must be. */
  ok: boolean;
  /** For the summary. */
  found: Record<string, unknown>;
}
