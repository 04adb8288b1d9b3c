import type { LastLook } from "./deaths.ts";
import type { Progress, VerifierUrls } from "./jwks-read-back.ts";
import type { MarkChanges } from "./key-marks.ts";
import type { CutoverGoal, CutoverPlan } from "./plan-cutover.ts";
import type { KnownBefore } from "./retired-key.ts";
import type { SigningKeys } from "./signing-keys.ts";

export interface CutoverRequest extends CutoverGoal, VerifierUrls {
  /** Milliseconds for which keys that no longer sign stay trusted, where the mode is not emergency. */
  overlapMs: number;
  /** Rotations whose disabled keys stay in Keycloak when a later one is retired. */
  keepRetired: number;
  /** Ticket of the incident; empty where there is none. */
  incident: string;
  /** The realm's signing keys before this rotation, and when they were read: it can't have disabled one earlier. */
  canary: KnownBefore;
  /** What the last cut-over has left, of whichever rotation. Default: there was none. */
  last?: LastLook;
  /** What the keys that are disabled are marked with. Default: nothing. */
  deathMarks?: MarkChanges;
  /** Work for which the old keys must still be trusted; called before the first of them is disabled. */
  beforeDisabling?: () => Promise<void>;
  /** Work that begins as soon as the old keys are disabled, beside the reading of the JWKS. It must not throw. */
  afterDisabling?: () => Promise<void>;
}

/** What the steps of one cut-over have in common. */
export interface Cutover {
  request: CutoverRequest;
  keys: SigningKeys;
  progress: Progress;
  /** What is to be done with the keys as they are now. */
  plan(): Promise<CutoverPlan>;
}
