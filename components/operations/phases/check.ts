import { RotationError } from "../base/errors.ts";
import { connection } from "../keycloak/connection.ts";
import type { Run } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

/**
 * What has been found wrong with a realm before anything was touched. Of several realms, the others are rotated all
 * the same.
 * @throws {RotationError} REALM_REFUSED with every problem
 */
export async function checkPhase({ run, problems }: Run & { problems: string[] }): Promise<void> {
  // Its failure is to be told, for which the provider has to be configured.
  await connection();
  await runPhase(run, "check", { phases: [] }, async () => {
    if (problems.length > 0) throw realmRefused(run.realm, problems);
    return { result: undefined, summary: "the realm can be rotated" };
  });
}

function realmRefused(realm: string, problems: readonly string[]): RotationError {
  const list = problems.map((problem) => `\n  - ${problem}`).join("");
  return new RotationError(
    "REALM_REFUSED",
    `realm ${realm} can't be rotated; nothing of it was touched${list}\n  `,
    {
      nextStep: "mend what is listed, then run the same up again; the other realms are not held up by it",
    },
  );
}
