import type { FleetSettings } from "../fleet/fleet.ts";
import { withConnections } from "../fleet/targets.ts";
import type { CheckedConfig } from "./inspect-stack.ts";
import type { RealmEntry } from "./settings-shape.ts";
import type { ConfiguredTarget } from "./target-shape.ts";

/** What the stack config says of one realm's API processes. */
export interface ConfiguredFleet extends FleetSettings {
  targets: ConfiguredTarget[];
}

/** @param entry what is different for this realm */
export function configuredFleet(config: CheckedConfig, entry?: Pick<RealmEntry, "targets">): ConfiguredFleet {
  const {
    audience: _audience,
    realmRoles: _realmRoles,
    watchSeconds: _watchSeconds,
    connections,
    ...probe
  } = config.probe;
  const targets = entry?.targets ?? config.targets;
  return {
    targets: targets.map((target) => withConnections(target, connections)),
    refresh: inMilliseconds(config.refresh),
    restart: inMilliseconds(config.restart),
    probe: inMilliseconds(probe),
  };
}

/** People write seconds, timers count milliseconds. */
function inMilliseconds<T extends { timeoutSeconds: number }>({ timeoutSeconds, ...rest }: T) {
  return { ...rest, timeoutMs: timeoutSeconds * 1000 };
}
