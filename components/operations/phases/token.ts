import { listNames } from "../base/list-names.ts";
import { type Packed, unpack } from "../base/packed.ts";
import { progressOf, report } from "../base/report.ts";
import { rollOutToken, type TokenRolloutRequest, type TokenRolloutResult } from "../enforce/token-rollout.ts";

type Details = Pick<TokenRolloutRequest, "target" | "fleet">;

export interface TokenRolloutInputs extends Pick<TokenRolloutRequest, "tokens" | "changedAt"> {
  /** Secret, for the length of it: what the config says. */
  details: Packed<Details>;
  /** Kids that a refreshed pod has. */
  newKids: string[];
  /** Kids that it no longer has. */
  retiredKids: string[];
}

export type TokenRolloutOutputs = TokenRolloutResult & Pick<TokenRolloutInputs, "changedAt">;

/** After the rotation: have every pod of a target take the API refresh token of its Secret. */
export async function tokenRolloutPhase(inputs: TokenRolloutInputs): Promise<TokenRolloutOutputs> {
  const { details, tokens, changedAt, newKids, retiredKids } = inputs;
  const { target, fleet } = unpack(details);
  const expectation = { present: newKids, absent: retiredKids };
  const request = { target, fleet, tokens, changedAt, expectation };
  const result = await rollOutToken(request, progressOf("token"));
  const how = result.restarted.length > 0 ? `restarted ${listNames(result.restarted)}; ` : "";
  report("token", `${how}${result.pods.length} pods of target ${target.name} accept the API refresh token`);
  return { ...result, changedAt };
}

/** Whether there is a token that the pods do not have yet. */
export function isTokenRolloutDue(
  olds: Pick<TokenRolloutOutputs, "changedAt">,
  news: Pick<TokenRolloutInputs, "changedAt">,
): boolean {
  return olds.changedAt !== news.changedAt;
}
