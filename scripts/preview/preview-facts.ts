import type { StackInspection } from "#operations/config/inspect-stack";
import type { Due } from "./due.ts";
import type { EnginePreview } from "./engine-preview.ts";
import type { TargetReach } from "./reach.ts";

export interface PreviewFacts {
  stack: string;
  /** The config as given: parts of it are shown even if it is not valid. */
  given: Readonly<Record<string, string>>;
  inspection: StackInspection;
  engine: EnginePreview;
  targets: TargetReach[];
  /** By realm, which other actions of an emergency are still due. */
  due: Readonly<Record<string, Due>>;
  /** Whether the verification of the last `up` was green; undefined where there was none. */
  verified: boolean | undefined;
  now: string;
}
