import type { Verdict } from "./probe.ts";
import type { SpreadVerdict } from "./spread.ts";

/** One question put to one instance, and its answer. */
export interface Check extends SpreadVerdict {
  /**
   * `fresh`: a token of the new key. `passive`: a canary token of a key that is trusted until its overlap ends. `retired`:
   * a canary token of a dead key. `earlier`: a canary token of one that an earlier rotation has shown to be refused, in order
   * to see that it still is. `control`: the twin of the retired keys' canary tokens, signed with a new key: a rejection of those counts
   * only where it is accepted. `forged`: a token that no key of the realm signed.
   */
  check: "fresh" | "passive" | "retired" | "earlier" | "control" | "forged";
  /** The kid, or for a forgery its kind and algorithm. */
  subject: string;
  /** For a canary token: whether this instance had seen it before the cut-over. */
  canary?: "seen" | "unseen";
  /** The token's `jti`, where it has one of its own. */
  jti?: string;
  expected: "accepted" | "rejected";
  ok: boolean;
  /** ISO 8601 UTC. */
  at: string;
}

/** Whether no HTTP answer came at all. */
export function isUnanswered({ verdict }: { verdict: Verdict }): boolean {
  return verdict.kind === "inconclusive" && verdict.unanswered === true;
}
