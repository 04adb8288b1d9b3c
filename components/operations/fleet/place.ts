import { createHash } from "node:crypto";
import type { Fleet } from "./fleet.ts";
import type { Instance } from "./instances.ts";
import type { ProbeSettings } from "./probe-settings.ts";

type How = Pick<ProbeSettings, "path" | "acceptedStatuses" | "rejectedStatuses">;

/**
 * Where and how an instance is asked. What was shown of it at another address or path, or by other statuses, is not shown of
 * this one: there may be another verifier behind it. Pure.
 */
export function placeOf({ url }: Pick<Instance, "url">, how: How): string {
  const { path, acceptedStatuses, rejectedStatuses } = how;
  const statuses = [acceptedStatuses, rejectedStatuses].map((list) => list.toSorted().join(","));
  return `${url}${path} ${statuses.join("/")}`;
}

/**
 * A digest of which instances are asked, and how: with another one, what was proven is to be shown again. What only says how
 * long or how often somebody is asked is no part of it. Pure.
 */
export function fleetDigest({ targets, probe }: Pick<Fleet, "targets" | "probe">): string {
  const { path, acceptedStatuses, rejectedStatuses } = probe;
  const text = JSON.stringify({ targets, path, acceptedStatuses, rejectedStatuses });
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
