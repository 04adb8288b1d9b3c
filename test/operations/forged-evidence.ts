import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { checkBundle } from "#operations/evidence/check/check-bundle";
import type { Evidence } from "#operations/evidence/evidence-schema";
import type { Findings } from "#operations/evidence/findings";
import { describeAcknowledged } from "#operations/evidence/not-proven";
import { bundleOf, emergency, forge } from "./evidence-bundles.ts";
import { at, realmKey } from "./samples.ts";

type Verification = NonNullable<Evidence["verification"]>;
type Instance = Verification["instances"][number];
type Check = Instance["checks"][number];

/** A bundle that was changed, with reports and checksums to match. */
export interface Variant {
  title: string;
  /** Default: a green emergency. */
  of?: () => Findings;
  change(evidence: Evidence): void;
}

export interface Forgery extends Variant {
  problem: RegExp;
  /** Whether other problems follow from the same lie. Default: only this one shows that the bundle was forged. */
  isAmongOthers?: true;
}

export const accepted = { kind: "accepted", status: 200 } as const;
export const rejected = { kind: "rejected", status: 401 } as const;
export const silent = { kind: "inconclusive", reason: "timeout" } as const;

export function defined<T>(value: T | undefined): T {
  assert.ok(value !== undefined);
  return value;
}

export function verificationOf({ verification }: Evidence): Verification {
  return defined(verification);
}

export function instanceOf(evidence: Evidence, index = 0): Instance {
  return defined(verificationOf(evidence).instances[index]);
}

export function checkOf(evidence: Evidence, check: Check["check"], canary?: Check["canary"]): Check {
  return defined(instanceOf(evidence).checks.find((one) => one.check === check && one.canary === canary));
}

export function retiredCheck(evidence: Evidence): Check {
  return checkOf(evidence, "retired", "seen");
}

/** What an instance said of the key that was retired, before that. */
export function baselineOf(evidence: Evidence) {
  return defined(evidence.baseline[0]?.verdicts[0]);
}

export function canaryOf(evidence: Evidence): Evidence["canaries"][number] {
  return defined(evidence.canaries[0]);
}

export function retiredKeyOf(evidence: Evidence): Evidence["retired"][number] {
  return defined(evidence.retired[0]);
}

/** Takes the answers of one kind out of every instance. */
export function withoutChecks(evidence: Evidence, kind: Check["check"]): void {
  for (const one of verificationOf(evidence).instances)
    one.checks = one.checks.filter(({ check }) => check !== kind);
}

/** As in a run that has retired nothing and says that it has. */
export function withoutRetired(evidence: Evidence): void {
  Object.assign(evidence, { retired: [], canaries: [], keysBefore: [] });
  delete evidence.exposureWindow;
  verificationOf(evidence).issuer = [];
  withoutChecks(evidence, "retired");
}

/** Marks an instance as not verified, in a run that is not. */
export function fail(instance: Instance): void {
  Object.assign(instance, { verified: false, reasons: ["is not good"] });
}

/** Closes a key by name, as the config may; the report says so. */
export function acknowledge(evidence: Evidence, kid: string): void {
  const closed = { kid, reason: "all were rebuilt", by: "alice" };
  verificationOf(evidence).acknowledged = [closed];
  evidence.notProven.unshift(describeAcknowledged(closed));
}

/** The proof of all instances but by acknowledgement of a key is none. */
export function proveByAcknowledgement(evidence: Evidence, kid: string): void {
  acknowledge(evidence, kid);
  delete evidence.exposureWindow;
  for (const instance of verificationOf(evidence).instances) {
    instance.proof = "acknowledged";
    delete instance.provenAt;
  }
}

/** A key that has canary tokens and stays as it is. */
export function spareKey(evidence: Evidence): void {
  const canary = structuredClone(canaryOf(evidence));
  canary.kid = "spared";
  canary.seen.jti = "jti-spared-seen";
  canary.unseen.jti = "jti-spared-unseen";
  evidence.canaries.push(canary);
  evidence.keysAfter.push(realmKey("spared"));
}

/** An attempt before the last one. */
export function addAttempt(evidence: Evidence, from: number, to: number): void {
  const failures = ["api-2 did not answer"];
  evidence.attempts.unshift({ startedAt: at(from), finishedAt: at(to), verified: false, failures });
}

export async function errorsIn(directory: string, publicKey?: string): Promise<string[]> {
  const { ok, findings } = await checkBundle(directory, publicKey === undefined ? {} : { publicKey });
  const errors = findings.filter(({ level }) => level === "error").map(({ what }) => what);
  assert.equal(ok, errors.length === 0);
  return errors;
}

/** Only the facts contradict each: it has matching reports and checksums. */
export function forgeriesOf(title: string, forgeries: readonly Forgery[]): void {
  suite(`forged evidence (${title})`, () => {
    for (const { title, of = emergency, change, problem, isAmongOthers } of forgeries)
      test(`${title}: found and named${isAmongOthers ? "" : ", by this alone"}`, async (t) => {
        const directory = await bundleOf(t, of());
        await forge(directory, change);
        const errors = await errorsIn(directory);
        assert.match(errors.join("\n"), problem);
        const others = errors.filter((one) => !problem.test(one));
        assert.equal(others.length > 0, isAmongOthers === true, others.join("\n"));
      });
  });
}

/** What looks like a forgery and is none. */
export function soundOf(title: string, variants: readonly Variant[]): void {
  suite(`sound evidence (${title})`, () => {
    for (const { title, of = emergency, change } of variants)
      test(`${title}: nothing is found`, async (t) => {
        const directory = await bundleOf(t, of());
        await forge(directory, change);
        assert.deepEqual(await errorsIn(directory), []);
      });
  });
}
