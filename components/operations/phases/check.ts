import { stepChanged } from "../base/changed.ts";
import { RotationError } from "../base/errors.ts";
import { connection } from "../keycloak/connection.ts";
import { describeForeign, foreignKeys } from "../keys/own-key.ts";
import { listSigningKeys } from "../keys/realm-keys.ts";
import { detailsOf, hurriedAdminOf, type PhaseInputs, type Step, stepOf } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

/** `problems`: what was found wrong with the realm; empty where it can be rotated. */
export type CheckInputs = PhaseInputs<object> & { problems: string[] };

export type CheckOutputs = Step & { problems: string[] };

/**
 * Why a realm can't be rotated that only the state tells: this rotation's key is there already, and the state knows
 * nothing of it. A preview asks, too. Of several realms, one that is refused must not stop the others: there
 * {@link checkPhase} refuses it, when they are through.
 */
export async function stateProblems(olds: Partial<Step>, news: CheckInputs): Promise<string[]> {
  const isLone = detailsOf(news).run.realms.length === 1;
  return isLone ? keysNotOurs(olds, news) : [];
}

async function keysNotOurs({ rotation: known }: Partial<Step>, news: CheckInputs): Promise<string[]> {
  const { run } = detailsOf(news);
  if (known === run.rotation) return [];
  try {
    const foreign = foreignKeys(await listSigningKeys(await hurriedAdminOf(run)), run);
    return foreign.map((key) => `${describeForeign(key, run)}; set rotation to ${run.rotation + 1}`);
  } catch (error) {
    // Keycloak is out of reach: whoever needs it next says so.
    if (error instanceof RotationError) return [];
    throw error;
  }
}

/**
 * What has been found wrong with one of several realms before anything was touched; the others are rotated all the same.
 * A lone realm was refused before.
 *
 * @throws {RotationError} REALM_REFUSED with every problem
 */
export async function checkPhase(inputs: CheckInputs, previous: Partial<Step> = {}): Promise<CheckOutputs> {
  const { run } = detailsOf(inputs);
  const { problems } = inputs;
  const step = { ...stepOf(inputs), problems };
  if (run.realms.length === 1) return step;
  // Its failure is sent to the webhook, for which the provider must be configured.
  await connection();
  await runPhase(run, "check", { phases: [] }, async () => {
    const all = [...problems, ...(await keysNotOurs(previous, inputs))];
    if (all.length > 0) throw realmRefused(run.realm, all);
    return { result: undefined, summary: "the realm can be rotated" };
  });
  return step;
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

/** Whether a realm is to be looked at: in each new step, and where it has or had a problem. */
export function isCheckDue(olds: CheckOutputs, news: CheckInputs): boolean {
  return stepChanged(olds, news) || olds.problems.length + news.problems.length > 0;
}
