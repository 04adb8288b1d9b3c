import { listNames } from "../base/list-names.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { AdminIdentity } from "../keycloak/admin-probe.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { Revoke } from "../keycloak/revoke-sessions.ts";
import { type DenyListQuestion, type DenyListResult, proveDenyList } from "../proof/prove-deny-list.ts";
import { inPassing } from "./ask-fleet.ts";
import type { Examined } from "./finding.ts";
import type { UndoGuard } from "./undo-guard.ts";

export interface DenyListExam {
  revoke: Revoke;
  /** Path of the deny-list operation, without the session's id. */
  denyListPath: string;
  /** What the admin path is, and which statuses are verdicts there. */
  adminPath: Pick<DenyListQuestion["probe"], "path" | "acceptedStatuses" | "rejectedStatuses">;
  /** Undefined where no token can be minted. */
  identity: AdminIdentity | undefined;
  fleet: Fleet;
  /** The instances that answer. */
  isConcerned: NonNullable<DenyListQuestion["isConcerned"]>;
  guard: UndoGuard;
  progress: (line: string) => void;
}

/**
 * Does what the proof of an emergency does: an administrator of our own is accepted, put on the deny-list, refused, taken
 * off it again, and deleted.
 */
export async function examineDenyList(admin: KeycloakAdmin, exam: DenyListExam): Promise<Examined> {
  const realm = admin.realmName;
  const common = { check: "deny-list", realm, findings: [] } as const;
  if (exam.revoke === "none")
    return { ...common, findings: [], seen: "not configured (sessions.revoke: none)", skipped: true };
  if (exam.fleet.apiRefreshTokens.length === 0)
    return { ...common, findings: [], seen: "not called: there is no API refresh token", skipped: true };
  const { identity } = exam;
  if (!identity) return { ...common, findings: [], seen: "not tried: no token can be minted", skipped: true };
  const result = await exam.guard.run(() => proveInPassing(admin, identity, exam));
  return result
    ? judgeDenyList(realm, result)
    : { ...common, findings: [], seen: "not tried", skipped: true };
}

function proveInPassing(
  admin: KeycloakAdmin,
  identity: AdminIdentity,
  exam: DenyListExam,
): Promise<DenyListResult> {
  const { fleet, denyListPath, adminPath, guard, isConcerned, progress } = exam;
  const hurried = inPassing(fleet);
  return proveDenyList(
    admin,
    {
      fleet: hurried,
      denyListPath,
      identity,
      probe: { ...hurried.probe, ...adminPath },
      isConcerned: (instance) => !guard.isStopping && isConcerned(instance),
      readyTimeoutMs: 0,
    },
    progress,
  );
}

/** Pure. */
export function judgeDenyList(realm: string, { instances, failures }: DenyListResult): Examined {
  const proven = instances.filter(({ ok }) => ok).length;
  const seen = `${proven} of ${instances.length} refuse an administrator who is on it`;
  if (failures.length === 0) return { check: "deny-list", realm, seen, findings: [] };
  return {
    check: "deny-list",
    realm,
    seen,
    findings: [
      {
        code: "DENY_LIST_FAILED",
        severity: "problem",
        realm,
        what: `the deny-list is not shown to work: ${listNames(failures, 20)}`,
        emergency:
          "the sessions are ended in Keycloak, but tokens that they have are good until they expire; the run ends red",
        next: "check sessions.denyListPath and sessions.adminProbe, and that the API asks its deny-list",
      },
    ],
  };
}
