import type { Mode } from "#operations/base/run-context";
import { noEmergencyActions } from "#operations/config/inspect-emergency";
import type { InspectedRealm } from "#operations/config/inspect-stack";
import { settingsShape } from "#operations/config/settings-shape";
import { describeChange, type PlannedChange } from "#operations/keys/planned-change";
import { rotationOf } from "#operations/keys/realm-keys";
import { problemsOf, warningsOf } from "./concerns.ts";
import type { Due } from "./due.ts";
import { estimateSeconds } from "./estimate.ts";
import type { PreviewFacts } from "./preview-facts.ts";
import type { KeyChange, PreviewSummary, RealmSummary } from "./preview-summary.ts";
import { noticedByUsers } from "./users.ts";

/** Builds the summary from the facts. Pure. */
export function summarize(facts: PreviewFacts): PreviewSummary {
  const { stack, given, inspection, engine, targets } = facts;
  const { config } = inspection;
  const realms = inspection.realms.map((realm) => summarizeRealm(realm, facts));
  const { same: _same, ...changed } = engine.changes;
  const changes =
    Object.values(changed).some((count) => count > 0) ||
    realms.some(({ keys, before, after }) => keys.length + before.length + after.length > 0);
  const problems = problemsOf(facts, realms);
  const outcome = problems.length > 0 ? "refused" : changes ? "change" : "nothing";
  return {
    schemaVersion: 1,
    stack,
    outcome,
    rotation: config?.rotation ?? null,
    mode: config?.mode ?? modeOf(given),
    incident: config?.incident ?? given.incident ?? "",
    reason: config?.reason ?? given.reason ?? "",
    realms,
    targets,
    estimatedSeconds: outcome === "change" && config ? estimateSeconds(config, realms, targets) : null,
    resources: engine.changes,
    warnings: warningsOf(facts, config),
    problems,
  };
}

function modeOf({ mode }: PreviewFacts["given"]): Mode | null {
  return settingsShape.shape.mode.safeParse(mode).data ?? null;
}

function summarizeRealm(
  { name, problems, plan }: InspectedRealm,
  { inspection, now, due: allDue }: PreviewFacts,
): RealmSummary {
  const keys = (plan?.changes ?? []).map(keyChange);
  const { emergency = noEmergencyActions } = plan ?? {};
  const remaining = allDue[name] ?? nothingDue;
  const due = keys.length > 0 ? everythingDue : remaining;
  // Where a key changes, the inspection reports these problems already.
  const isWithoutKeys = keys.length === 0 && Object.values(remaining).includes(true);
  const end = plan?.overlapEnd;
  return {
    realm: name,
    from: plan?.highestRotation ?? null,
    stage: plan?.stage ?? null,
    keys,
    before: due.freeze ? emergency.freeze : [],
    after: [...(due.sessions ? emergency.sessions : []), ...(due.internalKeys ? emergency.internalKeys : [])],
    overlapEnd: end !== undefined && end > now ? end : null,
    users:
      plan && inspection.config
        ? noticedByUsers(inspection.config, plan.changes, due, plan.tokenLifeSeconds * 1000)
        : [],
    problems: [...problems, ...(isWithoutKeys ? emergency.problems : [])],
  };
}

const everythingDue: Due = { freeze: true, sessions: true, internalKeys: true };
const nothingDue: Due = { freeze: false, sessions: false, internalKeys: false };

function keyChange(change: PlannedChange): KeyChange {
  const text = describeChange(change);
  if (change.kind === "publish")
    return { change: change.kind, algorithm: change.algorithm, managed: true, text };
  const { kid, algorithm, componentName } = change.key;
  const managed = rotationOf(componentName) !== undefined;
  return {
    change: change.kind,
    kid,
    algorithm,
    component: componentName,
    managed,
    ...(change.kind === "passivate" ? { trustedForMs: change.trustedForMs } : {}),
    text: managed ? text : `${text} (unmanaged: not created by this stack)`,
  };
}
