/** What a rotation does with the keys that signed before. */
export type Mode = "planned" | "emergency" | "rollback";

/**
 * How far a rotation is. `overlap`: the keys that no longer sign are still trusted. `final`: they are disabled; an
 * emergency is there at once, the other modes when the overlap is over.
 */
export type Stage = "overlap" | "final";

/** What every phase knows of the run that it is part of. */
export interface RunContext {
  rotation: number;
  mode: Mode;
  stage: Stage;
  /** Ticket of the incident; empty where there is none. */
  incident: string;
  reason: string;
  realm: string;
  /** All realms that the stack rotates, this one too. */
  realms: string[];
  /** Pulumi stack. */
  stack: string;
  /** Directory that gets `<incident>/<rotation>/`, and below it one for each realm where there are several. */
  evidenceDir: string;
  /** The lease that this run may take over from another, as the error that refused it says. Default: none. */
  takeOverLease?: string;
}

/** The phases of a run, in their order. */
export const phaseNames = [
  "check",
  "freeze",
  "canary",
  "publish",
  "announce",
  "cut-over",
  "revoke",
  "internal-keys",
  "enforce",
  "verify",
  "watch",
] as const;

export type PhaseName = (typeof phaseNames)[number];
