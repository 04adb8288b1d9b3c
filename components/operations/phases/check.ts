import { RotationError } from "../base/errors.ts";
import { connection } from "../keycloak/connection.ts";
import { detailsOf, type PhaseInputs, type Step, stepOf } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

/** `problems`: what was found wrong with the realm; empty where it can be rotated. */
export type CheckInputs = PhaseInputs<object> & { problems: string[] };

/**
 * What has been found wrong with a realm before anything was touched. Of several realms, the others are rotated all
 * the same.
 * @throws {RotationError} REALM_REFUSED with every problem
 */
export async function checkPhase(inputs: CheckInputs): Promise<Step & { problems: string[] }> {
  const { run } = detailsOf(inputs);
  const { problems } = inputs;
  // Its failure is sent to the webhook, for which the provider must be configured.
  await connection();
  await runPhase(run, "check", { phases: [] }, async () => {
    if (problems.length > 0) throw realmRefused(run.realm, problems);
    return { result: undefined, summary: "the realm can be rotated" };
  });
  return { ...stepOf(inputs), problems };
}

function realmRefused(realm: string, problems: readonly string[]): RotationError {
  const list = problems.map((problem) => `\n  - ${problem}`).join("");
  return new RotationError(
    "REALM_REFUSED",
    `realm ${realm} can't be rotated; nothing of it was touched${list}\n  `,
    {
      nextStep:
        "fix every listed problem, then run the same up again; the other realms are not held up by it",
    },
  );
}

/** Whether a realm has or had a problem. */
export function isCheckDue(olds: { problems: string[] }, { problems }: CheckInputs): boolean {
  return olds.problems.length + problems.length > 0;
}
