import { listNames } from "../base/list-names.ts";
import { progressOf, report } from "../base/report.ts";
import { rollOutToken, type TokenRolloutRequest, type TokenRolloutResult } from "../enforce/token-rollout.ts";

export type TokenRolloutPhaseRequest = TokenRolloutRequest;

/** After the rotation: have every pod of a target take the API refresh token of its Secret. */
export async function tokenRolloutPhase(request: TokenRolloutPhaseRequest): Promise<TokenRolloutResult> {
  const result = await rollOutToken(request, progressOf("token"));
  const how = result.restarted.length > 0 ? `restarted ${listNames(result.restarted)}; ` : "";
  report(
    "token",
    `${how}${result.pods.length} pods of target ${request.target.name} take the API refresh token`,
  );
  return result;
}
