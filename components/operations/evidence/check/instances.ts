import type { Evidence } from "../evidence-schema.ts";
import type { Facts, Instance } from "./instance-facts.ts";
import { checkProof } from "./proofs.ts";
import { isWithin } from "./times.ts";

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

/** A pod is its target and its UID, since two targets may reach one pod on two ports. */
function idOf({ target, uid, instance }: Pick<Instance, "target" | "uid" | "instance">): string {
  return uid === undefined ? instance : `${target}/${uid}`;
}

/** For each answer: whether the right one was expected, and whether it is marked correctly. */
function checkAnswers({ checks }: Instance): string[] {
  return checks.flatMap(({ check, subject, expected, verdict, spread, ok }) => {
    const right = ["retired", "earlier", "forged"].includes(check) ? "rejected" : "accepted";
    const what = `the ${check} token (${subject})`;
    return [
      ...(expected === right
        ? []
        : [`lists ${expected} as the expected answer to ${what}, which must be ${right}`]),
      ...(ok && spread ? spreadGaps(spread, right).map((gap) => `answered well to ${what}, but ${gap}`) : []),
      ...(ok === (verdict.kind === right)
        ? []
        : [`answered ${verdict.kind} to ${what}, which is marked ${ok ? "good" : "bad"}`]),
    ];
  });
}

/** A good answer is one that each process gave, and each that was announced was heard. */
function spreadGaps(spread: NonNullable<Check["spread"]>, right: Check["expected"]): string[] {
  const { processes = {}, announced = 0 } = spread;
  const others = spread.accepted + spread.rejected + spread.inconclusive - spread[right];
  const contrary = Object.entries(processes).filter(([, kind]) => kind !== right);
  const heard = Object.keys(processes).length;
  return [
    ...(others === 0 && spread[right] > 0 ? [] : [`${others} connections had another answer`]),
    ...contrary.map(([name, kind]) => `process ${name} answered ${kind}`),
    ...(heard >= announced ? [] : [`only ${heard} of ${announced} processes were heard`]),
  ];
}

function checkVerified(instance: Instance, { evidence, verification }: Facts): string[] {
  const { verified, reasons, checks, proof } = instance;
  if (!verified) return reasons.length > 0 ? [] : ["is not verified, but no reason is given"];
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
    ...(reasons.length === 0 ? [] : ["is verified, but reasons against it are given"]),
    ...(proof === "unproven" ? ["is verified, but its proof level is unproven"] : []),
    ...(checks.every(({ ok }) => ok) ? [] : ["is verified, but gave a wrong answer"]),
    ...missing.map((what) => `is verified, but was not asked about ${what}`),
    ...(checks.every(({ at }) => isWithin(at, verification))
      ? []
      : ["is verified, but was also asked before or after the verification"]),
  ];
}
