import type { Evidence } from "../evidence-schema.ts";

type DenyListProof = NonNullable<NonNullable<Evidence["verification"]>["denyList"]>[number];

/** Whether each deny-list's proof follows from its steps. A problem has no full stop. */
export function checkDenyLists({ verification }: Evidence): string[] {
  return (verification?.denyList ?? []).flatMap((proof) =>
    denyListProblems(proof).map((problem) => `the deny-list of ${proof.instance} ${problem}`),
  );
}

function denyListProblems({ accepted, denied, refused, cleaned, ok, reasons }: DenyListProof): string[] {
  if (!ok) return reasons.length > 0 ? [] : ["is not proven, but no reason is given"];
  return [
    ...(accepted.kind === "accepted"
      ? []
      : [`is called proven, but the administrator was ${accepted.kind} before`]),
    ...(denied.outcome === "done" ? [] : ["is called proven, but the session was not added"]),
    ...(refused.kind === "rejected"
      ? []
      : [`is called proven, but the administrator was ${refused.kind} while on it`]),
    ...(cleaned.outcome === "done" ? [] : ["is called proven, but the session was not removed again"]),
    ...(reasons.length === 0 ? [] : ["is called proven, but reasons against it are given"]),
  ];
}
