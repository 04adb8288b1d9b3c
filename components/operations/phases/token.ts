import { listNames } from "../base/list-names.ts";
import { progressOf, report } from "../base/report.ts";
import { rollOutToken, type TokenRolloutRequest, type TokenRolloutResult } from "../enforce/token-rollout.ts";
import type { Fleet } from "../fleet/fleet.ts";

export type TokenRolloutPhaseRequest = Omit<TokenRolloutRequest, "fleet" | "expectation"> &
  Pick<Fleet, "refresh" | "restart"> & {
    /** Kids that a refreshed pod has. */
    newKids: string[];
    /** Kids that it no longer has. */
    retiredKids: string[];
  };

/** After the rotation: have every pod of a target take the API refresh token of its Secret. */
export async function tokenRolloutPhase(request: TokenRolloutPhaseRequest): Promise<TokenRolloutResult> {
  const { target, refresh, restart, tokens, changedAt, newKids, retiredKids } = request;
  const expectation = { present: newKids, absent: retiredKids };
  const asked = { target, fleet: { refresh, restart }, tokens, changedAt, expectation };
  const result = await rollOutToken(asked, progressOf("token"));
  const how = result.restarted.length > 0 ? `restarted ${listNames(result.restarted)}; ` : "";
  report("token", `${how}${result.pods.length} pods of target ${target.name} accept the API refresh token`);
  return result;
}
