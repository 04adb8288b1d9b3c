import type { Evidence } from "../evidence-schema.ts";
import { checkProof, type Facts, type Instance, isWithin } from "./proofs.ts";

type Check = Instance["checks"][number];

/** Whether each instance's proof level and verdict follow from its answers. A problem has no full stop. */
export function checkInstances(evidence: Evidence): string[] {
  const { verification, baseline } = evidence;
  if (!verification) return [];
  const before = new Map(baseline.map((one) => [idOf(one), one]));
  const seen = new Set<string>();
  return verification.instances.flatMap((instance) => {
    const isTwice = seen.has(idOf(instance));
    seen.add(idOf(instance));
    const facts = { evidence, verification, before: before.get(idOf(instance)) };
    const problems = [
      ...(isTwice ? ["is listed twice"] : []),
      ...checkAnswers(instance),
      ...checkVerified(instance, facts),
      ...checkProof(instance, facts),
    ];
    return problems.map((problem) => `${instance.instance} ${problem}`);
  });
}

function idOf({ uid, instance }: Pick<Instance, "uid" | "instance">): string {
  return uid ?? instance;
}

/** Each answer by itself: what was expected follows from the question, and whether it is good from the answer. */
function checkAnswers({ checks }: Instance): string[] {
  return checks.flatMap(({ check, subject, expected, verdict, ok }) => {
    const right = ["retired", "earlier", "forged"].includes(check) ? "rejected" : "accepted";
    const what = `the ${check} token (${subject})`;
    return [
      ...(expected === right ? [] : [`is expected to have ${what} ${expected}, which must be ${right}`]),
      ...(ok === (verdict.kind === right)
        ? []
        : [`has ${what} ${verdict.kind}, and that is called ${ok ? "good" : "bad"}`]),
    ];
  });
}

function checkVerified(instance: Instance, { evidence, verification }: Facts): string[] {
  const { verified, reasons, checks, proof } = instance;
  if (!verified) return reasons.length > 0 ? [] : ["is not verified, and no reason is given"];
  const passive = evidence.canaries.filter(({ kid }) => evidence.passive.some((key) => key.kid === kid));
  const isAsked = (check: Check["check"], kid: string, jti: string) =>
    checks.some((one) => one.check === check && one.subject === kid && one.jti === jti);
  const missing = [
    ...verification.fresh
      .filter(({ kid, jti }) => !isAsked("fresh", kid, jti))
      .map(({ kid }) => `the fresh token of kid ${kid}`),
    ...passive
      .filter(({ kid, seen }) => !isAsked("passive", kid, seen.jti))
      .map(({ kid }) => `the token of passive kid ${kid}`),
    ...(checks.some(({ check }) => check === "forged") ? [] : ["a forged token"]),
  ];
  return [
    ...(reasons.length === 0 ? [] : ["is verified, and has reasons why not"]),
    ...(proof === "unproven" ? ["is verified, and unproven"] : []),
    ...(checks.every(({ ok }) => ok) ? [] : ["is verified, and gave a wrong answer"]),
    ...missing.map((what) => `is verified, and was not asked about ${what}`),
    ...(checks.every(({ at }) => isWithin(at, verification))
      ? []
      : ["is verified, and was asked before or after the verification"]),
  ];
}
