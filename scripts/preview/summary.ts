import type { CheckedConfig, InspectedRealm, StackInspection } from "#operations/inspect-stack";
import type { Mode, Stage } from "#operations/plan-cutover";
import { describeChange, type PlannedChange } from "#operations/planned-change";
import { rotationOf } from "#operations/realm-keys";
import { settingsShape } from "#operations/settings-shape";
import type { EnginePreview } from "./engine-preview.ts";
import { estimateSeconds } from "./estimate.ts";
import type { TargetReach } from "./reach.ts";
import { noticedByUsers } from "./users.ts";

/** A key that would change. */
export interface KeyChange {
  change: PlannedChange["kind"];
  /** Absent for a key that is not made yet. */
  kid?: string;
  algorithm: string;
  /** Name of the key provider in Keycloak; absent as the kid. */
  component?: string;
  /** Whether this stack has made it. */
  managed: boolean;
  /** For a key that becomes passive: milliseconds for which its tokens go on being accepted. */
  trustedForMs?: number;
  /** All of it in words. */
  text: string;
}

export interface RealmSummary {
  realm: string;
  /** Highest rotation that has left a key in the realm; null where the realm can't be read. */
  from: number | null;
  stage: Stage | null;
  keys: KeyChange[];
  /** What an emergency does before its changes to the keys, a sentence each. */
  before: string[];
  /** And after them. */
  after: string[];
  /** End of the overlap that is under way, ISO 8601 UTC; null where there is none. */
  overlapEnd: string | null;
  /** What users will notice, a sentence each. */
  users: string[];
  problems: string[];
}

/** What an `up` would do, for machines: `--json`. */
export interface PreviewSummary {
  schemaVersion: 1;
  stack: string;
  /** `refused`: an up would end before it touches anything. */
  outcome: "nothing" | "change" | "refused";
  rotation: number | null;
  mode: Mode | null;
  incident: string;
  reason: string;
  realms: RealmSummary[];
  targets: TargetReach[];
  /** An estimate, in seconds, for instances that answer and need no restart; null where nothing is to be done. */
  estimatedSeconds: number | null;
  /** Resources by what the engine would do to them. */
  resources: Record<string, number>;
  warnings: string[];
  problems: string[];
}

export interface PreviewFacts {
  stack: string;
  /** The config as given, of which some may be shown where it is not sound. */
  given: Readonly<Record<string, string>>;
  inspection: StackInspection;
  engine: EnginePreview;
  targets: TargetReach[];
  /** Of the last `up`: whether its verification was green; undefined where there was none. */
  verified: boolean | undefined;
  now: string;
}

/** Puts the facts together. Pure. */
export function summarize(facts: PreviewFacts): PreviewSummary {
  const { stack, given, inspection, engine, targets } = facts;
  const { config } = inspection;
  const realms = inspection.realms.map((realm) => summarizeRealm(realm, facts));
  const problems = problemsOf(inspection, engine);
  const { same: _same, ...changed } = engine.changes;
  const changes =
    Object.values(changed).some((count) => count > 0) || realms.some(({ keys }) => keys.length > 0);
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
  { inspection, now }: PreviewFacts,
): RealmSummary {
  const keys = (plan?.changes ?? []).map(keyChange);
  const end = plan?.overlapEnd;
  return {
    realm: name,
    from: plan?.highestRotation ?? null,
    stage: plan?.stage ?? null,
    keys,
    before: plan?.beside.before ?? [],
    after: plan?.beside.after ?? [],
    overlapEnd: end !== undefined && end > now ? end : null,
    users: plan && inspection.config ? noticedByUsers(inspection.config, plan.changes) : [],
    problems,
  };
}

function keyChange(change: PlannedChange): KeyChange {
  const said = describeChange(change);
  if (change.kind === "publish")
    return { change: change.kind, algorithm: change.algorithm, managed: true, text: said };
  const { kid, algorithm, componentName } = change.key;
  const managed = rotationOf(componentName) !== undefined;
  return {
    change: change.kind,
    kid,
    algorithm,
    component: componentName,
    managed,
    ...(change.kind === "passivate" ? { trustedForMs: change.trustedForMs } : {}),
    text: managed ? said : `${said} (unmanaged: this stack has not made it)`,
  };
}

/** The engine's own errors say the same as the inspection, where that has found something. */
function problemsOf({ problems, realms }: StackInspection, { ok, errors }: EnginePreview): string[] {
  const all =
    realms.length > 1
      ? realms.flatMap((one) => one.problems.map((what) => `realm ${one.name}: ${what}`))
      : [];
  const found = [...new Set([...problems, ...all])];
  if (found.length > 0 || ok) return found;
  return errors.length > 0 ? errors : ["the engine's preview failed"];
}

function warningsOf(
  { inspection, targets, verified }: PreviewFacts,
  config: CheckedConfig | undefined,
): string[] {
  const isEmergency = config?.mode === "emergency";
  const left = targets.reduce((sum, { unreachable }) => sum + unreachable.length, 0);
  const all = targets.reduce((sum, { instances }) => sum + instances, 0);
  const cost = isEmergency
    ? "the keys die all the same, and the run is red until each is proven or restarted"
    : "a planned rotation stops before anything has changed for anybody";
  return [
    ...inspection.realms.flatMap(({ plan }) => plan?.warnings ?? []),
    ...inspection.warnings,
    ...(left > 0 ? [`${left} of ${all} instances take no connection now: ${cost}`] : []),
    ...targets.flatMap(({ name, error }) =>
      error === undefined ? [] : [`target ${name} can't be looked at: ${error}`],
    ),
    ...targets
      .filter(({ instances, error }) => instances === 0 && error === undefined)
      .map(({ name }) => `target ${name} has no instance now`),
    ...(verified === false ? ["the last run is not verified: it stays red until an up proves it"] : []),
  ];
}
