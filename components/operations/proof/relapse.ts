import { RotationError } from "../base/errors.ts";
import { listFailures } from "../base/list-failures.ts";
import { many } from "../base/many.ts";
import { type Identity, idOf } from "../fleet/instances.ts";
import { connectionsOf, type Spread } from "./spread.ts";

/** A process that accepts a retired key again, after it was proven to reject it. */
export interface Relapse extends Identity {
  kid: string;
  instance: string;
  /** Its name, where it names itself. */
  process?: string | undefined;
  /** How the answers were spread, where the instance was asked over several connections. */
  spread?: Spread | undefined;
  /** ISO 8601 UTC. */
  at: string;
}

/** A JWKS URL that shows retired keys again. */
export interface JwksRelapse {
  url: string;
  kids: string[];
  /** How many reads it was read in the round. */
  reads: number;
  /** How many of them showed one of the kids: where it is not all, the URL has several nodes or caches. */
  shownIn: number;
  /** ISO 8601 UTC. */
  at: string;
}

/** Who gave no verdict in the watch. */
export interface Unanswered {
  /** An instance, a JWKS URL, or a target. */
  from: string;
  count: number;
  /** Of the last time. */
  reason: string;
}

/** What the watch after a proof has found. */
export interface WatchResult {
  /** ISO 8601 UTC. */
  startedAt: string;
  /** ISO 8601 UTC. */
  finishedAt: string;
  /** For how long it was to go on. */
  seconds: number;
  /** How often everybody was asked. */
  rounds: number;
  /** How many instances were asked in the last round. */
  instances: number;
  /** The JWKS URLs that were read. */
  urls: string[];
  relapses: Relapse[];
  jwks: JwksRelapse[];
  unanswered: Unanswered[];
  /** Whether it ended before its time and without a relapse. */
  cutShort: boolean;
}

type Found = Pick<WatchResult, "relapses" | "jwks">;

export function isRelapsed({ relapses, jwks }: Found): boolean {
  return relapses.length + jwks.length > 0;
}

/** Whether the last watch has found a relapse, and nothing was verified since. Pure. */
export function isUnresolved(
  { relapsed, watchedAfter }: { relapsed?: boolean; watchedAfter?: string | null },
  verifiedAt: string,
): boolean {
  return relapsed === true && watchedAfter === verifiedAt;
}

/** Kids of the keys that came back. Pure. */
export function relapsedKids({ relapses, jwks }: Found): string[] {
  return [...new Set([...relapses.map(({ kid }) => kid), ...jwks.flatMap(({ kids }) => kids)])];
}

/** A sentence without a full stop for each instance and each URL. Pure. */
export function describeRelapses({ relapses, jwks }: Found): string[] {
  const alike = Map.groupBy(relapses, (one) => `${idOf(one)} ${one.kid}`);
  return [
    ...[...alike.values()].flatMap((all) => all.slice(0, 1).map((first) => describeInstance(first, all))),
    ...jwks.map(
      ({ url, kids, reads, shownIn, at }) =>
        `${url} shows retired kid ${kids.join(", ")} again, in ${shownIn} of ${reads} reads (${at})`,
    ),
  ];
}

function describeInstance({ instance, kid, at, spread }: Relapse, all: readonly Relapse[]): string {
  const names = all.flatMap(({ process }) => process ?? []);
  const asked = spread ? connectionsOf(spread) : 0;
  const where =
    names.length > 0
      ? ` (${names.length > 1 ? "processes" : "process"} ${names.join(", ")})`
      : asked > 1
        ? ` (over ${spread?.accepted} of ${asked} connections)`
        : "";
  return `${instance}${where} accepts retired kid ${kid} again (${at})`;
}

/**
 * The error of a rotation that was proven and has relapsed.
 *
 * @param reportPath where all of it is. Default: no such line
 */
export function relapseError(found: Found, reportPath?: string): RotationError {
  return new RotationError(
    "RELAPSED",
    `every instance was proven, and then a retired key came back${listFailures(describeRelapses(found), reportPath)}`,
    {
      nextStep:
        "find the stale cache behind what is named above (a CDN edge, a proxy, one Keycloak node of several) and clear it, then run the same up again",
    },
  );
}

/** For how long it went on, in seconds, rounded. Pure. */
export function watchedSeconds({
  startedAt,
  finishedAt,
}: Pick<WatchResult, "startedAt" | "finishedAt">): number {
  return Math.round((Date.parse(finishedAt) - Date.parse(startedAt)) / 1_000);
}

/** The watch in one line. Pure. */
export function describeWatch(watch: WatchResult): string {
  const { rounds, instances, urls, seconds, cutShort, unanswered } = watch;
  if (isRelapsed(watch)) return `RELAPSE: ${describeRelapses(watch).join("; ")}`;
  const asked = `${many(rounds, "round")} over ${many(instances, "instance")} and ${many(urls.length, "JWKS URL")}`;
  const gaps = unanswered.reduce((sum, { count }) => sum + count, 0);
  const silent = gaps > 0 ? `; unanswered: ${many(gaps, "question")}` : "";
  return cutShort
    ? `the watch was cut short after ${watchedSeconds(watch)} of ${seconds} s; no relapse until then (${asked})${silent}`
    : `no relapse in ${watchedSeconds(watch)} s (${asked})${silent}`;
}
