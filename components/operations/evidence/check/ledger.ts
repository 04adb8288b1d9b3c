import type { Evidence } from "../evidence-schema.ts";

type Verification = NonNullable<Evidence["verification"]>;
type Entry = NonNullable<Verification["ledger"]>[number];

/**
 * Whether the ledger has every dead key that can be seen in the evidence, and says of each what follows from the instances.
 * A problem has no full stop.
 */
export function checkLedger({ retired, keysAfter }: Evidence, verification: Verification): string[] {
  const { ledger } = verification;
  if (!ledger) return [noLedger];
  const kids = new Set(ledger.map(({ kid }) => kid));
  const owed = ledger.filter(({ closedFor }) => closedFor === undefined);
  const dead = keysAfter.filter((key) => key.status === "DISABLED" && !isMarkedClosed(key));
  return [
    ...[...retired, ...dead]
      .filter(({ kid }) => !kids.has(kid))
      .map(({ kid }) => `kid ${kid} is dead, and is not in the ledger`),
    ...owed
      .filter(({ kid }) => !retired.some((key) => key.kid === kid))
      .map(({ kid }) => `kid ${kid} is in the ledger, but not among the retired keys`),
    ...ledger.flatMap((entry) => checkEntry(entry, verification, keysAfter)),
  ];
}

const noLedger =
  "the instances are listed with a proof about each dead key, but there is no ledger of those keys";

/** Older versions have neither a ledger nor proofs about each key. */
export function hasLedger({ ledger, instances }: Verification): boolean {
  return ledger !== undefined || instances.some(({ proofs }) => proofs !== undefined);
}

/** By the mark on its component. */
function isMarkedClosed({ died, killed, foundDead }: Evidence["keysAfter"][number]): boolean {
  return [died, killed, foundDead].some((mark) =>
    /^(proven|acknowledged) [0-9]+( [0-9a-f]+)?$/.test(mark ?? ""),
  );
}

function checkEntry(
  { kid, status, left, closedFor }: Entry,
  { instances, acknowledged = [], verified }: Verification,
  keysAfter: Evidence["keysAfter"],
): string[] {
  const unproven = instances.filter(({ proofs = [] }) =>
    proofs.some((one) => one.kid === kid && one.proof === "unproven"),
  ).length;
  const isByName = acknowledged.some((one) => one.kid === kid);
  const after = keysAfter.find((key) => key.kid === kid);
  return [
    ...(left === unproven
      ? []
      : [`the ledger lists ${left} instances as left for kid ${kid}, but there are ${unproven}`]),
    ...(left > 0 && status !== "open" ? [`kid ${kid} is ${status}, but ${left} instances are left`] : []),
    ...(verified && status === "open" ? [`the run is verified, but the death of kid ${kid} is open`] : []),
    ...(!verified && status !== "open" && closedFor === undefined
      ? [`kid ${kid} is ${status}, but the run is not verified`]
      : []),
    ...((status === "acknowledged") === isByName || closedFor !== undefined || !verified
      ? []
      : [`kid ${kid} is ${status}, but the config ${isByName ? "closes" : "does not close"} it by name`]),
    ...(closedFor !== undefined && after && !isMarkedClosed(after)
      ? [`kid ${kid} is listed as closed by rotation ${closedFor}, but its mark in Keycloak does not say so`]
      : []),
  ];
}
