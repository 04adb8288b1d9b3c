import { RotationError } from "../base/errors.ts";
import { listFailures } from "../base/list-failures.ts";
import { listNames } from "../base/list-names.ts";
import { describeFailedRestart, type RestartResult } from "../fleet/restart.ts";
import type { VerificationResult } from "./verify.ts";

/**
 * The one error of a rotation that is not verified: which instances, why, and what to do.
 * @param restarts what was restarted to enforce it: those that failed come first
 */
export function verificationError(
  result: VerificationResult,
  reportPath: string,
  restarts: readonly RestartResult[] = [],
): RotationError {
  const names = result.instances.filter(({ verified }) => !verified).map(({ instance }) => instance);
  const who =
    names.length > 0 ? ` (${names.length} of ${result.instances.length} instances: ${listNames(names)})` : "";
  const stuck = restarts.filter(({ outcome }) => outcome === "failed").map(describeFailedRestart);
  const failures = listFailures([...stuck, ...result.failures], reportPath);
  return new RotationError("VERIFICATION_FAILED", `the rotation is not proven${who}${failures}`, {
    nextStep: nextStepFor(result),
  });
}

/** A bump makes canary tokens of the new key, and none of one that is dead. */
const restartFirst =
  "set restart.command or workloads to have what must be restarted restarted and run the same up again, or restart it yourself and close the key by name with acknowledge";

/** Asking again can't prove what was not seen before the cut-over; a new rotation with its own canary tokens can. */
function nextStepFor({ instances }: VerificationResult): string {
  const lasting = instances.filter(
    ({ checks, reasons }) => reasons.length > 0 && checks.every(({ ok }) => ok),
  );
  if (lasting.length === 0)
    return "fix or restart what is named above, then run the same up again without a new rotation";
  if (lasting.every(({ checks }) => checks.every(({ check }) => check !== "retired"))) {
    const who = lasting.length === 1 ? "1 instance has" : `${lasting.length} instances have`;
    return `fix what is named above; only a restart can prove that ${who} dropped a key without canary tokens: ${restartFirst}`;
  }
  if (lasting.some(({ startup }) => startup?.bootstrap === "missing"))
    return "find out why the pods named above show no JWKS bootstrap, or set restart.bootstrapPattern to the line that they log, then run the same up again";
  const arePods = lasting.every(({ uid }) => uid !== undefined);
  const noun = arePods ? "pod" : "instance";
  const who = lasting.length === 1 ? `1 ${noun} rejects` : `${lasting.length} ${noun}s reject`;
  const state = `fix what is named above; ${who} the retired keys now, but that could not be proven (see above)`;
  const isLost = lasting.some(({ reasons }) => reasons.some((reason) => reason.includes("no canary tokens")));
  if (isLost) return `${state}: ${restartFirst}`;
  return arePods
    ? `${state}: restart the workload, list it in workloads to have that done, or bump rotation; then run up again`
    : `${state}: bump rotation to prove it`;
}
