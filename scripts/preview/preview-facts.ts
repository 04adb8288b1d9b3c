import type { StackInspection } from "#operations/config/inspect-stack";
import type { Due } from "./due.ts";
import type { EnginePreview } from "./engine-preview.ts";
import type { TargetReach } from "./reach.ts";

export interface PreviewFacts {
  stack: string;
  /** The config as given, of which some may be shown where it is not sound. */
  given: Readonly<Record<string, string>>;
  inspection: StackInspection;
  engine: EnginePreview;
  targets: TargetReach[];
  /** By realm, what an emergency has left to do beside the keys. */
  due: Readonly<Record<string, Due>>;
  /** Of the last `up`: whether its verification was green; undefined where there was none. */
  verified: boolean | undefined;
  now: string;
}
