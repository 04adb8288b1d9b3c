import { controlOf } from "../canaries/controls.ts";
import type { Check } from "./check.ts";
import type { Questions } from "./questions.ts";

/**
 * The checks, where a canary token's rejection counts only if its control token was accepted: where both are refused, the
 * answer is about the token's age, a `notBefore`, an audience or a client, and says nothing about the key. Pure.
 */
export function forTheKeysSake(
  checks: readonly Check[],
  { canaries, earlier, controls }: Pick<Questions, "canaries" | "earlier" | "controls">,
): Check[] {
  const algorithmOf = new Map([...canaries, ...earlier].map(({ kid, algorithm }) => [kid, algorithm]));
  return checks.map((check) => {
    if (check.check !== "retired" && check.check !== "earlier") return check;
    if (check.verdict.kind !== "rejected") return check;
    const control = controlOf({ algorithm: algorithmOf.get(check.subject) ?? "" }, controls);
    const twin = control && checks.find((one) => one.check === "control" && one.jti === control.jti);
    if (twin?.ok) return check;
    const reason = twin
      ? `rejected with ${check.verdict.status}, but its control token of kid ${twin.subject} is not accepted either, so that is not for the key's sake`
      : `rejected with ${check.verdict.status}, but there is no control token to show that it is for the key's sake`;
    return { ...check, verdict: { kind: "inconclusive", reason }, ok: false };
  });
}
