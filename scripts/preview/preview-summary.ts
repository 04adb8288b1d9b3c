import type { Mode, Stage } from "#operations/base/run-context";
import type { PlannedChange } from "#operations/keys/planned-change";
import type { TargetReach } from "./reach.ts";

/** A key that would change. */
export interface KeyChange {
  change: PlannedChange["kind"];
  /** Absent for a key that is not made yet. */
  kid?: string;
  algorithm: string;
  /** Name of the key provider in Keycloak; absent as the kid. */
  component?: string;
  /** Whether this stack has made it. */
  managed: boolean;
  /** For a key that becomes passive: milliseconds for which its tokens go on being accepted. */
  trustedForMs?: number;
  /** All of it in words. */
  text: string;
}

export interface RealmSummary {
  realm: string;
  /** Highest rotation that has left a key in the realm; null where the realm can't be read. */
  from: number | null;
  stage: Stage | null;
  keys: KeyChange[];
  /** What an emergency does before its changes to the keys, a sentence each. */
  before: string[];
  /** And after them. */
  after: string[];
  /** End of the overlap that is under way, ISO 8601 UTC; null where there is none. */
  overlapEnd: string | null;
  /** What users will notice, a sentence each. */
  users: string[];
  /** Why an up would leave it alone; empty where it would not. */
  problems: string[];
}

/** What an `up` would do, for machines: `--json`. */
export interface PreviewSummary {
  schemaVersion: 1;
  stack: string;
  /** `refused`: an up would end before it touches anything. A realm may have problems of its own beside. */
  outcome: "nothing" | "change" | "refused";
  rotation: number | null;
  mode: Mode | null;
  incident: string;
  reason: string;
  realms: RealmSummary[];
  targets: TargetReach[];
  /** An estimate, in seconds, for instances that answer and need no restart; null where nothing is to be done. */
  estimatedSeconds: number | null;
  /** Resources by what the engine would do to them. */
  resources: Record<string, number>;
  warnings: string[];
  problems: string[];
}
