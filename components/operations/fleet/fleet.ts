import type { ProbeSettings } from "./probe-settings.ts";
import type { RefreshSettings } from "./refresh.ts";
import type { RestartSettings } from "./restart.ts";
import type { Target } from "./targets.ts";

/** Every running API process of a realm, and how to reach, question and restart it. */
export interface Fleet {
  /** Where the API's processes are. */
  targets: Target[];
  refresh: RefreshSettings;
  /** What is done with an instance that can't be refreshed. */
  restart: RestartSettings;
  probe: ProbeSettings;
  /** Secret. The bearer tokens of the instances' internal operations: while a new one is rolled out, some have the one before. */
  apiRefreshTokens: string[];
}

/** What the stack config says of a fleet. Its bearer may be known only at the time of the `up`, so it is passed apart. */
export type FleetSettings = Omit<Fleet, "apiRefreshTokens">;
