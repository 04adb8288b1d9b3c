import type { ClosedBy } from "../../keys/death-marks.ts";
import type { RetiredKey } from "../../keys/retired-key.ts";

/** What has closed the death of a key. */
export interface Closing {
  by: ClosedBy;
  /** The rotation whose verification was green. */
  rotation: number;
  /** When, ISO 8601 UTC. */
  at: string;
}

/** That one instance was shown to refuse one dead key. */
export interface Cell {
  /** Which instance: the id of its target, pod and name. */
  instance: string;
  /** Where and how it was asked: another path of it may be another verifier. */
  place: string;
  proof: "replayed" | "restarted";
  /** When it was first seen, ISO 8601 UTC. */
  at: string;
  /** Names of its processes then. Default: none has a name. */
  processes?: string[] | undefined;
}

/** What a verification leaves for later ones: all that is known of dead keys, and holds no secret. */
export interface LedgerState {
  rows: (RetiredKey & { closing?: Closing | undefined })[];
  /** By kid: which instances were shown to refuse it. Absent for keys that were closed by name: that goes for all. */
  cells: Record<string, Cell[]>;
}
