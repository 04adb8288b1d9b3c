import { listNames } from "../base/list-names.ts";
import { type Instance, targetNameOf } from "../fleet/instances.ts";
import { emptyTargets } from "../fleet/sweep.ts";
import { describeTarget, type Target } from "../fleet/targets.ts";
import type { AskedFleet } from "./ask-fleet.ts";
import { type Examined, type Finding, findingOf } from "./finding.ts";
import { namesByReason } from "./names-by-reason.ts";

/**
 * Which targets and pods there are. Pure.
 *
 * @param closed targets of which it is known already that nobody gets in
 */
export function judgeTargets(
  realm: string,
  targets: readonly Target[],
  asked: AskedFleet,
  closed: readonly string[],
): Examined {
  const { results, waiting, failures } = asked;
  const found = [...results.map(({ instance }) => instance), ...waiting];
  const emergency = "the key is disabled regardless, but what was not asked is unproven: the run ends red";
  const findings = [
    ...failures
      .filter(({ target }) => !closed.includes(target))
      .map(({ error }) => findingOf(error, { realm, severity: "problem", emergency })),
    ...emptyTargets(targets, found, failures).map(
      (target): Finding => ({
        code: "NO_INSTANCES",
        severity: "problem",
        realm,
        what: `target ${describeTarget(target)} has no instance`,
        emergency,
        next: "fix its namespace and selector, scale it up, or remove it from targets",
      }),
    ),
    ...(waiting.length > 0 ? [notReady(realm, waiting)] : []),
  ];
  const counts = targets.map(({ name }) => {
    const own = found.filter((instance) => targetNameOf(instance) === name).length;
    return `${name}: ${own}`;
  });
  return { check: "targets", realm, seen: `instances in ${listNames(counts, 8)}`, findings };
}

function notReady(realm: string, waiting: readonly Instance[]): Finding {
  const names = waiting.map(({ name, notReady }) => ({ name, reason: notReady ?? "not ready" }));
  return {
    code: "INSTANCE_NOT_READY",
    severity: "problem",
    realm,
    what: `${waiting.length} pods are not ready: ${namesByReason(names)}`,
    emergency:
      "they can't be asked before the key is disabled; the run waits for them at the end, and is red if they don't get ready",
    next: "find out why they are not ready, or scale them down",
  };
}
