import type { Mode, Stage } from "#operations/base/run-context";
import type { PlannedChange } from "#operations/keys/planned-change";
import type { TargetReach } from "./reach.ts";

/** A key that would change. */
export interface KeyChange {
  change: PlannedChange["kind"];
  /** Absent for a key that does not exist yet. */
  kid?: string;
  algorithm: string;
  /** Name of the key provider in Keycloak; absent where the kid is. */
  component?: string;
  /** Whether this stack has created it. */
  managed: boolean;
  /** For a key that becomes passive: how long its tokens are still accepted, in milliseconds. */
  trustedForMs?: number;
  /** The change in words. */
  text: string;
}

export interface RealmSummary {
  realm: string;
  /** Highest rotation that has left a key in the realm; null where the realm can't be read. */
  from: number | null;
  stage: Stage | null;
  keys: KeyChange[];
  /** Actions of an emergency before the keys change, a sentence each. */
  before: string[];
  /** Actions of an emergency after the keys have changed, a sentence each. */
  after: string[];
  /** End of the current overlap, ISO 8601 UTC; null where there is none. */
  overlapEnd: string | null;
  /** What users will notice, a sentence each. */
  users: string[];
  /** Why an `up` would not rotate this realm; empty where it would. */
  problems: string[];
}

/** What an `up` would do, in the form that `--json` writes. */
export interface PreviewSummary {
  schemaVersion: 1;
  stack: string;
  /** `refused`: an `up` would stop before it changes anything. Single realms may have problems of their own as well. */
  outcome: "nothing" | "change" | "refused";
  rotation: number | null;
  mode: Mode | null;
  incident: string;
  reason: string;
  realms: RealmSummary[];
  targets: TargetReach[];
  /** An estimate in seconds, for instances that answer and need no restart; null where there is nothing to do. */
  estimatedSeconds: number | null;
  /** Number of resources for each operation of the engine. */
  resources: Record<string, number>;
  warnings: string[];
  problems: string[];
}
