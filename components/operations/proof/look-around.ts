import { RotationError } from "../base/errors.ts";
import { emptyTargets } from "../fleet/sweep.ts";
import { describeTarget, type OpenTarget, type Target } from "../fleet/targets.ts";

/** How long a cluster may take to answer before the key is disabled, in milliseconds. */
export const patienceMs = 5_000;

/**
 * Looks whether every target has pods. A target without any is a mistake in the config, and so is one whose cluster
 * refuses us. A cluster that does not answer is not: the key must be disabled regardless, and the run will be red.
 *
 * @returns whether any instance is ready
 * @throws {RotationError} NO_INSTANCES, or a Kubernetes code
 */
export async function lookAround(
  targets: readonly Target[],
  opened: readonly OpenTarget[],
): Promise<boolean> {
  const rosters = await Promise.all(
    opened.map(({ list }) => list(patienceMs).catch((error: unknown) => unlessUnreachable(error))),
  );
  const found = rosters.flatMap((roster) => (roster ? [...roster.ready, ...roster.waiting] : []));
  const silent = opened.filter((_, index) => !rosters[index]).map(({ name }) => ({ target: name }));
  const empty = emptyTargets(targets, found, silent);
  if (empty.length > 0) throw noPods(empty);
  return rosters.some((roster) => roster && roster.ready.length > 0);
}

function unlessUnreachable(error: unknown): undefined {
  if (error instanceof RotationError && error.code === "KUBERNETES_UNREACHABLE") return undefined;
  throw error;
}

function noPods(empty: readonly Target[]): RotationError {
  return new RotationError(
    "NO_INSTANCES",
    `no pod was found in target ${empty.map(describeTarget).join(", ")}; nothing was rotated`,
    { nextStep: "fix the target's namespace and selector, or remove it from targets" },
  );
}
