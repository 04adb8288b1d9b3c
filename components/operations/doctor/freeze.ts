import type { Fleet } from "../fleet/fleet.ts";
import { type Freeze, freezeOn } from "../fleet/freeze-instances.ts";
import type { Instance, OpenInstance } from "../fleet/instances.ts";
import type { CallResult } from "../fleet/internal-call.ts";
import { sweep } from "../fleet/sweep.ts";
import type { OpenTarget } from "../fleet/targets.ts";
import { inPassing } from "./ask-fleet.ts";
import type { Examined, Finding } from "./finding.ts";
import { nameOf, namesByReason } from "./names-by-reason.ts";
import type { UndoGuard } from "./undo-guard.ts";

export interface FreezeExam {
  realm: string;
  freeze: Freeze;
  /** Path of the freeze operation. */
  path: string;
  fleet: Fleet;
  /** Whether the freeze of an emergency is in force, which must not be undone here. */
  isFrozen: boolean;
  /** The instances that answer. */
  isConcerned: (instance: Instance) => boolean;
  guard: UndoGuard;
}

/** What an instance said when it was frozen, and when it was thawed right after. */
export interface FrozenAndThawed {
  instance: string;
  target?: string | undefined;
  frozen: CallResult;
  /** Undefined where nothing can have been frozen. */
  thawed?: CallResult;
}

/** Freezes each instance and thaws it at once, whatever it said to the freeze. */
export async function examineFreeze(targets: readonly OpenTarget[], exam: FreezeExam): Promise<Examined> {
  const { realm, freeze, isFrozen, fleet } = exam;
  const common = { check: "freeze", realm, findings: [] as Finding[] } as const;
  if (freeze !== "api" && freeze !== "both")
    return { ...common, seen: `not configured for the instances (freeze: ${freeze})`, skipped: true };
  if (isFrozen) return { ...common, seen: "not tried: a freeze is in force", findings: [stillFrozen(realm)] };
  if (fleet.apiRefreshTokens.length === 0)
    return { ...common, seen: "not called: there is no API refresh token", skipped: true };
  const results = (await exam.guard.run(() => freezeAndThaw(targets, exam))) ?? [];
  return judgeFreeze(realm, results);
}

function stillFrozen(realm: string): Finding {
  return {
    code: "STILL_FROZEN",
    severity: "warning",
    realm,
    what: `realm ${realm} was frozen in an emergency and not thawed, or its keys are being rotated right now, so freezing its instances was not tried`,
    emergency:
      "administrators may be locked out already now; whether every instance can be frozen is not known",
    next: "finish that run, or set freeze to release and run pulumi up; then set freeze back and run this check again",
  };
}

async function freezeAndThaw(
  targets: readonly OpenTarget[],
  { fleet, path, isConcerned, guard }: FreezeExam,
): Promise<FrozenAndThawed[]> {
  const hurried = inPassing(fleet);
  const options = {
    concurrency: hurried.refresh.concurrency,
    readyTimeoutMs: 0,
    patienceMs: 5_000,
    skip: (instance: Instance) => guard.isStopping || !isConcerned(instance),
  };
  const work = async (instance: OpenInstance): Promise<FrozenAndThawed> => {
    const { name, target } = instance;
    const frozen = await freezeOn(instance, hurried, path, "freeze");
    if (frozen.outcome === "unsupported") return { instance: name, target, frozen };
    // A freeze that got no answer may have had its effect.
    const patient = {
      ...hurried,
      refresh: { ...hurried.refresh, attempts: frozen.outcome === "done" ? 4 : 1 },
    };
    return { instance: name, target, frozen, thawed: await freezeOn(instance, patient, path, "thaw") };
  };
  const { results } = await sweep(targets, options, work);
  return results.map(({ value }) => value);
}

/** An HTTP answer that is no 2xx says that it was not done; no answer says nothing. */
function isMaybeFrozen({ outcome, reason = "" }: CallResult): boolean {
  return outcome === "done" || (outcome === "failed" && !reason.startsWith("HTTP "));
}

/** Pure. */
export function judgeFreeze(realm: string, results: readonly FrozenAndThawed[]): Examined {
  const failed = results.filter(({ frozen }) => frozen.outcome !== "done");
  const left = results.filter(
    ({ frozen, thawed }) => thawed && thawed.outcome !== "done" && isMaybeFrozen(frozen),
  );
  const describe = (
    list: readonly FrozenAndThawed[],
    pick: (one: FrozenAndThawed) => CallResult | undefined,
  ) => namesByReason(list.map((one) => ({ name: nameOf(one), reason: pick(one)?.reason ?? "no answer" })));
  const findings: Finding[] = [];
  if (failed.length > 0)
    findings.push({
      code: "FREEZE_FAILED",
      severity: "problem",
      realm,
      what: `${failed.length} of ${results.length} instances can't be frozen: ${describe(failed, ({ frozen }) => frozen)}`,
      emergency:
        "administrators, and whoever has stolen their sessions, can go on writing there; the rotation itself is not affected",
      next: "have the API implement the freeze operation, correct freezePath, or set freeze to none or keycloak",
    });
  if (left.length > 0)
    findings.push({
      code: "FREEZE_FAILED",
      severity: "critical",
      realm,
      what: `${left.length} instances ARE FROZEN NOW, or may be, and did not thaw: ${describe(left, ({ thawed }) => thawed)}`,
      emergency: "administrators can't write there, already now",
      next: "send DELETE to the freeze operation of these instances, or restart them",
    });
  const seen =
    results.length === 0
      ? "no instance was asked"
      : `${results.length - failed.length} of ${results.length} froze and thawed`;
  return { check: "freeze", realm, seen, skipped: results.length === 0, findings };
}
