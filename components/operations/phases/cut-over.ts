import { changed, stepChanged } from "../base/changed.ts";
import { report } from "../base/report.ts";
import type { RunContext } from "../base/run-context.ts";
import type { CutoverFindings, Findings } from "../evidence/findings.ts";
import { cutOver } from "../keys/cut-over.ts";
import type { CutoverRequest } from "../keys/cutover-request.ts";
import { planCutover } from "../keys/plan-cutover.ts";
import { listSigningKeys } from "../keys/realm-keys.ts";
import type { KnownBefore } from "../keys/retired-key.ts";
import type { AskableFleet } from "../proof/canary-findings.ts";
import { lostUnproven } from "../proof/lost-keys.ts";
import { askNewcomers, type NewcomersRequest } from "../proof/newcomers.ts";
import { type AfterOthers, adminOf, fleetOf, type Recorded, type Run } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

export type CutoverPhaseRequest = AfterOthers &
  Omit<CutoverRequest, "canary" | "earlier" | "beforeDisabling" | "mode" | "stage"> &
  AskableFleet &
  Pick<NewcomersRequest, "canaryTokens"> & { settled?: boolean; actions: string[] };

/** Phase 5, and the retirement later: make the signing keys what the run's mode and stage want, and see it published. */
export async function cutoverPhase(
  request: CutoverPhaseRequest,
  previous?: Partial<Run> & { result?: CutoverFindings; before?: Findings },
): Promise<Recorded & { result: CutoverFindings; settled: boolean }> {
  const admin = await adminOf(request);
  const { result, record } = await runPhase(request.run, "cut-over", request.before, async () => {
    const canary = request.before.canary ?? nothingBefore(request.before);
    // What an earlier attempt has retired is proven with the canaries of its time, so only where they are the same.
    const isRetry = previous?.before?.canary?.keysBeforeAt === canary.keysBeforeAt;
    const { retired = [], newcomers: known = [] } = (isRetry ? previous?.result : undefined) ?? {};
    const lost = request.before.canary ? lostUnproven(request.run, request.before.canary, previous) : [];
    const earlier = [...lost.filter(({ kid }) => !retired.some((key) => key.kid === kid)), ...retired];
    const { canaries = [], baseline = [] } = request.before.canary ?? {};
    const newcomers = [...known];
    const { canaryTokens } = request;
    const asked = { fleet: fleetOf(request), canaries, canaryTokens, baseline: [...baseline, ...known] };
    const beforeDisabling = async () => {
      newcomers.push(...(await askNewcomers(asked)));
    };
    const { mode, stage } = request.run;
    const goal = { ...request, mode, stage, canary, earlier, beforeDisabling };
    const done = await cutOver(admin, goal, (line) => report("cut-over", line, request.run));
    const cutover = { ...done, newcomers };
    return { result: cutover, summary: describeCutover(cutover) };
  });
  return { result, record, settled: true };
}

function describeCutover({ signers, passive, retireAfter, retired, deleted }: CutoverFindings): string {
  const list = (keys: readonly { kid: string; algorithm: string }[]) =>
    keys.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
  return [
    `${list(signers)} sign${signers.length === 1 ? "s" : ""}`,
    ...(passive.length > 0 ? [`${list(passive)} passive until ${retireAfter ?? "retired"}`] : []),
    `retired ${list(retired) || "none"}`,
    ...(deleted.length > 0 ? [`deleted ${list(deleted)}`] : []),
  ].join("; ");
}

function nothingBefore({ phases }: Findings): KnownBefore {
  return { keysBefore: [], keysBeforeAt: phases[0]?.startedAt ?? new Date().toISOString(), canaries: [] };
}

/** Whether the realm's keys still are as a cut-over leaves them. */
export async function isSettled(request: CutoverPhaseRequest): Promise<boolean> {
  const keys = await listSigningKeys(await adminOf(request));
  try {
    const { mode, stage } = request.run;
    const { activate, passivate, disable } = planCutover(keys, { ...request, mode, stage });
    return activate.length + passivate.length + disable.length === 0;
  } catch {
    // The managed key is gone or disabled: as unsettled as can be.
    return false;
  }
}

/** `destroy` changes nothing in the realm, and says so. */
export function forgetCutover(run: RunContext): void {
  report("cut-over", `realm ${run.realm} is forgotten: it goes on signing with the keys it has`, run);
}

/** What the realm itself says is to be done, as after a crash, or where somebody has added a key, is done as well. */
export function isCutoverDue(olds: CutoverPhaseRequest, news: CutoverPhaseRequest): boolean {
  const isOther = changed(olds, news, ["componentIds"]).length > 0 || stepChanged(olds.run, news.run);
  return isOther || news.actions.length > 0 || olds.settled !== true;
}
