import type { RealmSettings } from "../config/realm-settings.ts";
import type { FleetSettings } from "../fleet/fleet.ts";

/** What the phases of one realm's run are made from. */
export type RunSettings = Omit<RealmSettings, "problems" | "fleet"> & { fleet: FleetSettings };

/**
 * What each phase takes of the settings, for whoever puts a run together: Pulumi's resources and `npm run kill` give the
 * same to the same phase. Pure.
 */
export const detailsFor = {
  check: ({ run }: RunSettings) => ({ run }),
  freeze: ({ run, fleet, emergency: { freezePath, doneByKill } }: RunSettings) => ({
    ...{ run, fleet, freezePath, doneByKill },
  }),
  canary: ({ run, exemptKeys, fleet, probeIdentity, emergency: { budgetMs } }: RunSettings) => ({
    ...{ run, exemptKeys, fleet, probeIdentity, budgetMs },
  }),
  publish: ({ run, keySize }: RunSettings) => ({ run, keySize }),
  announce: ({ run, fleet, jwksUris, jwksTimeoutMs }: RunSettings) => ({
    ...{ run, fleet, jwksUris, jwksTimeoutMs },
  }),
  cutOver: ({ run, fleet, probeIdentity, jwksUris, jwksTimeoutMs, ...settings }: RunSettings) => {
    const { exemptKeys, overlapMs, keepRetired } = settings;
    return { run, fleet, probeIdentity, jwksUris, jwksTimeoutMs, exemptKeys, overlapMs, keepRetired };
  },
  revoke: ({ run, fleet, emergency: { denyListPath, doneByKill } }: RunSettings) => ({
    ...{ run, fleet, denyListPath, doneByKill },
  }),
  internalKeys: ({ run }: RunSettings) => ({ run }),
  enforce: ({ run, fleet, acknowledge }: RunSettings) => ({
    ...{ run, fleet: gentleIn(run.stage, fleet), acknowledge },
  }),
  verify: ({ run, fleet, probeIdentity, jwksUris, jwksTimeoutMs, acknowledge }: RunSettings) => ({
    ...{ run, fleet, probeIdentity, jwksUris, jwksTimeoutMs, acknowledge },
  }),
  watch: ({ run, fleet, jwksUris }: RunSettings) => ({ run, fleet, jwksUris }),
  evidence: ({ run }: RunSettings) => ({ run }),
};

/** In an overlap every instance has just loaded the keys, after a restart if it needed one: nothing has left the set since. */
function gentleIn(stage: RunSettings["run"]["stage"], fleet: FleetSettings): FleetSettings {
  const strategy = stage === "overlap" ? ("refresh" as const) : fleet.restart.strategy;
  return { ...fleet, restart: { ...fleet.restart, strategy } };
}
