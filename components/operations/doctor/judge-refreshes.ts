import { targetNameOf } from "../fleet/instances.ts";
import type { RestartSettings } from "../fleet/restart.ts";
import type { Target } from "../fleet/targets.ts";
import type { AskedFleet } from "./ask-fleet.ts";
import type { AskedInstance } from "./ask-instance.ts";
import type { Examined, Finding } from "./finding.ts";
import { nameOf, namesByReason } from "./names-by-reason.ts";

export interface RefreshContext {
  targets: readonly Target[];
  restart: RestartSettings;
  /** Whether there is an API refresh token to call them with. */
  hasApiRefreshToken: boolean;
}

/** Whether the instances fetched today's keys when they were told to. Pure. */
export function judgeRefreshes(
  realm: string,
  asked: AskedFleet,
  { targets, restart, hasApiRefreshToken }: RefreshContext,
): Examined {
  const check = "refresh" as const;
  if (restart.strategy === "restart")
    return { check, realm, seen: "not used: the strategy is restart", skipped: true, findings: [] };
  if (!hasApiRefreshToken) {
    const findings = [apiRefreshTokenUnknown(realm)];
    return { check, realm, seen: "not called: there is no API refresh token", findings };
  }
  const called = asked.results.flatMap(({ value }) => (value.refresh ? [value] : []));
  const failed = called.filter(({ refresh }) => refresh?.outcome !== "done");
  const isRestarted = (one: AskedInstance) => {
    const target = targets.find(({ name }) => name === targetNameOf(one));
    return target !== undefined && mayRestart(target, restart);
  };
  const [restarted, lost] = [failed.filter(isRestarted), failed.filter((one) => !isRestarted(one))];
  const seen = `${called.length - failed.length} of ${called.length} have refreshed to today's keys`;
  return {
    check,
    realm,
    seen,
    findings: [
      ...refreshFailed(realm, lost, called.length, "problem"),
      ...refreshFailed(realm, restarted, called.length, "warning"),
    ],
  };
}

/** Whether a run has a way to restart the instances of a target. */
function mayRestart(target: Target, { strategy, command }: RestartSettings): boolean {
  if (strategy === "refresh") return false;
  return target.kind === "kubernetes" ? target.workloads.length > 0 : command.length > 0;
}

function apiRefreshTokenUnknown(realm: string): Finding {
  return {
    code: "API_REFRESH_TOKEN_UNKNOWN",
    severity: "problem",
    realm,
    what: "the API refresh token is neither in the config, nor in the state, nor in INTERNAL_JWKS_REFRESH_TOKEN",
    emergency:
      "the update generates one, or takes that of an adopted Secret; instances that have another refuse every refresh, freeze and deny-list call",
    next: "set apiRefreshToken to what the instances have, or run pulumi up once and give them what it generates",
  };
}

function refreshFailed(
  realm: string,
  failed: readonly AskedInstance[],
  count: number,
  severity: "problem" | "warning",
): Finding[] {
  if (failed.length === 0) return [];
  const names = failed.map((one) => ({ name: nameOf(one), reason: one.refresh?.reason ?? "no reason" }));
  const emergency =
    severity === "warning"
      ? "the run restarts them instead, which takes minutes in which they still accept the stolen key"
      : "they go on accepting the stolen key until their cache expires or they are restarted by hand; the run ends red";
  return [
    {
      code: "REFRESH_FAILED",
      severity,
      realm,
      what: `${failed.length} of ${count} instances do not refresh: ${namesByReason(names)}`,
      emergency,
      next: "check refresh.path, INTERNAL_JWKS_REFRESH_TOKEN of these instances, and that they can fetch the JWKS",
    },
  ];
}
