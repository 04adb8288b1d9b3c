import { z } from "zod";
import type { RunContext } from "../../base/run-context.ts";

/** A run that holds the lease of a realm, or wants to. */
export interface Holder extends Pick<RunContext, "stack" | "mode" | "rotation" | "incident"> {
  /** Of this run alone. */
  run: string;
  /** Who runs it, and where. */
  who: string;
  /** When it began, ISO 8601 UTC, by its own clock. */
  since: string;
}

/** A lease as it stands in the realm. */
export interface Lease extends Holder {
  /** Which of all leases; the highest holds. */
  epoch: number;
  /** When its holder last showed that it lives, ISO 8601 UTC, by its own clock. */
  renewedAt: string;
  /** When the old keys were dead, ISO 8601 UTC, by its own clock; empty before. */
  deadAt: string;
}

const prefix = "jwks-break-glass-lease-";

/** The realm role that is the lease: Keycloak makes one of that name, and refuses a second. */
export function leaseRole(epoch: number): string {
  return `${prefix}${epoch}`;
}

/** What {@link leaseRole}s begin with. */
export const leasePrefix = prefix;

/** What somebody else has written there, or has not, must not hide that the number is taken. */
const one = z
  .tuple([z.string()])
  .transform(([value]) => value)
  .catch("");
const attributes = z
  .looseObject({
    run: one,
    stack: one,
    mode: z
      .tuple([z.enum(["planned", "emergency", "rollback"])])
      .transform(([value]) => value)
      .catch("planned"),
    rotation: one.transform(Number).pipe(z.number()).catch(0),
    incident: one,
    who: one,
    since: one,
    renewedAt: one,
    deadAt: one,
  })
  .partial();

export const roleShape = z.looseObject({ id: z.string(), name: z.string(), attributes: z.unknown() });
export type LeaseRole = z.infer<typeof roleShape>;

/** Reads a role as a lease; undefined where it is none. */
export function leaseOf({ name, attributes: found }: LeaseRole): Lease | undefined {
  const epoch = Number(/^jwks-break-glass-lease-([1-9][0-9]*)$/.exec(name)?.[1]);
  if (!Number.isSafeInteger(epoch)) return undefined;
  const read = attributes.safeParse(found ?? {}).data ?? {};
  const {
    run = "",
    stack = "unknown",
    mode = "planned",
    rotation = 0,
    incident = "",
    who = "unknown",
  } = read;
  const { since = "", renewedAt = "", deadAt = "" } = read;
  return { epoch, run, stack, mode, rotation, incident, who, since, renewedAt, deadAt };
}

/** A lease as a role's representation. */
export function roleOf({ epoch, ...lease }: Lease) {
  const values = Object.entries(lease).map(([name, value]): [string, string[]] => [name, [String(value)]]);
  return {
    name: leaseRole(epoch),
    description:
      `Kept by jwks-break-glass while the realm's keys are rotated: ${describeHolder(lease)}`.slice(0, 255),
    attributes: Object.fromEntries(values),
  };
}

/** Who holds it, as a phrase. */
export function describeHolder({ stack, mode, rotation, incident, who, since }: Holder): string {
  const what = incident === "" ? mode : `${mode} ${incident}`;
  return `stack ${stack}, rotation ${rotation} (${what}), run by ${who} since ${since}`;
}

/** By what a person names a lease that is to be taken over. */
export function leaseId({ epoch, run }: Pick<Lease, "epoch" | "run">): string {
  return `${epoch}-${run.slice(0, 8)}`;
}
