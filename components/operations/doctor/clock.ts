import type { Clock } from "../base/clock.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { type Examined, findingOf, notChecked } from "./finding.ts";

const mostSeconds = 5;

/** Compares Keycloak's clock, by the `Date` header of an answer, with ours. */
export async function examineClock(admin: KeycloakAdmin, clock: Pick<Clock, "now">): Promise<Examined> {
  const realm = admin.realmName;
  try {
    const startedAt = clock.now();
    const { date } = await admin.fetchPublic(admin.realmUrl, { ownConnection: true });
    const halfway = (startedAt + clock.now()) / 2;
    return judgeClock(realm, date, halfway);
  } catch (error) {
    const emergency = "it is not known whether the clocks agree";
    const finding = findingOf(error, { realm, severity: "unknown", emergency });
    return { check: "clock", realm, seen: "could not be read", findings: [finding] };
  }
}

/**
 * Pure.
 *
 * @param date the header, which holds whole seconds
 * @param oursMs when it was sent, by our clock, in milliseconds
 */
export function judgeClock(realm: string, date: string | undefined, oursMs: number): Examined {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) {
    const what = "Keycloak's answers carry no date";
    const next = "see whether a proxy removes the Date header; compare the clocks by hand";
    return { check: "clock", realm, seen: what, findings: [notChecked(realm, what, next)] };
  }
  // The header is cut to the second: on average half a second was lost.
  const offset = Math.round((theirs + 500 - oursMs) / 1_000);
  const seen =
    offset === 0
      ? "the same as Keycloak's"
      : `Keycloak is ${Math.abs(offset)} s ${offset > 0 ? "ahead" : "behind"}`;
  if (Math.abs(offset) <= mostSeconds) return { check: "clock", realm, seen, findings: [] };
  return {
    check: "clock",
    realm,
    seen,
    findings: [
      {
        code: "CLOCKS_DIFFER",
        severity: "warning",
        realm,
        what: `this machine's clock and Keycloak's differ: ${seen}`,
        emergency:
          "tokens may look expired, or not yet valid, to instances and to the update; times in the evidence don't fit together",
        next: "set both clocks by NTP",
      },
    ],
  };
}
