import type { Check } from "./check.ts";
import type { AskableRow } from "./ledger/rows.ts";

/**
 * The checks, where a canary token's rejection counts only if its control token was accepted: where both are refused, the
 * answer is about the token's age, a `notBefore`, an audience or a client, and says nothing about the key. Of a key that an
 * earlier run has closed, an answer that says nothing is left out. Pure.
 */
export function forTheKeysSake(
  checks: readonly Check[],
  rows: readonly Pick<AskableRow, "kid" | "control">[],
): Check[] {
  const judged = checks.map((check) => judgedByControl(check, checks, rows));
  return judged.filter(({ check, verdict }) => check !== "earlier" || saysSomething(verdict));
}

function judgedByControl(
  check: Check,
  checks: readonly Check[],
  rows: readonly Pick<AskableRow, "kid" | "control">[],
): Check {
  if (check.check !== "retired" && check.check !== "earlier") return check;
  if (check.verdict.kind !== "rejected") return check;
  const control = rows.find(({ kid }) => kid === check.subject)?.control;
  const twin = control && checks.find((one) => one.check === "control" && one.jti === control.jti);
  if (twin?.ok) return check;
  const reason = twin
    ? `rejected with ${check.verdict.status}, but its control token of kid ${twin.subject} is not accepted either, so that is not for the key's sake`
    : `rejected with ${check.verdict.status}, but there is no control token to show that it is for the key's sake`;
  return { ...check, verdict: { kind: "inconclusive", reason }, ok: false };
}

function saysSomething(verdict: Check["verdict"]): boolean {
  return verdict.kind !== "inconclusive" || verdict.unanswered === true;
}
