import type { Clock } from "../base/clock.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { type Examined, findingOf, notChecked } from "./finding.ts";

const mostSeconds = 5;

/**
 * Compares Keycloak's clock with ours, by when it says that it has issued an admin token: a `Date` header would be that of
 * its proxy, and Keycloak sends none.
 *
 * @param admin has not logged in yet
 */
export async function examineClock(admin: KeycloakAdmin, clock: Pick<Clock, "now">): Promise<Examined> {
  const realm = admin.realmName;
  try {
    const startedAt = clock.now();
    const issuedAt = await admin.tokenIssuedAt();
    return judgeClock(realm, issuedAt, { startedAt, finishedAt: clock.now() });
  } catch (error) {
    const emergency = "it is not known whether the clocks agree";
    const finding = findingOf(error, { realm, severity: "unknown", emergency });
    return { check: "clock", realm, seen: "could not be read", findings: [finding] };
  }
}

/**
 * Pure.
 *
 * @param issuedAt by Keycloak's clock, cut to the second, in milliseconds
 * @param ours when the login began and ended by our clock, in milliseconds
 */
export function judgeClock(
  realm: string,
  issuedAt: number | undefined,
  ours: { startedAt: number; finishedAt: number },
): Examined {
  if (issuedAt === undefined) {
    const what = "Keycloak's admin token does not say when it was issued";
    const next = "compare the clocks by hand";
    return { check: "clock", realm, seen: what, findings: [notChecked(realm, what, next)] };
  }
  const seconds = offsetSeconds(issuedAt, ours);
  const direction = seconds > 0 ? "ahead" : "behind";
  const seen = seconds === 0 ? "agrees with Keycloak's" : `Keycloak's is ${Math.abs(seconds)} s ${direction}`;
  if (Math.abs(seconds) <= mostSeconds) return { check: "clock", realm, seen, findings: [] };
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
          "tokens may look expired, or not yet valid, to instances and to the update, and the times in the evidence don't fit together",
        next: "set both clocks by NTP",
      },
    ],
  };
}

/** Whole seconds beyond what the login itself and the cut to the second explain; 0 where they explain all. */
function offsetSeconds(issuedAt: number, ours: { startedAt: number; finishedAt: number }): number {
  if (issuedAt > ours.finishedAt) return Math.ceil((issuedAt - ours.finishedAt) / 1_000);
  const latest = issuedAt + 999;
  return latest < ours.startedAt ? -Math.ceil((ours.startedAt - latest) / 1_000) : 0;
}
