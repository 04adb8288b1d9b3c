import { RotationError } from "../base/errors.ts";
import type { OpenTarget, Roster, Target } from "../fleet/targets.ts";

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
  const empty = targets.filter((target, index) => isEmpty(target, rosters[index]));
  if (empty.length > 0) throw noPods(empty);
  return rosters.some((roster) => roster && roster.ready.length > 0);
}

function unlessUnreachable(error: unknown): undefined {
  if (error instanceof RotationError && error.code === "KUBERNETES_UNREACHABLE") return undefined;
  throw error;
}

function isEmpty({ kind }: Target, roster: Roster | undefined): boolean {
  return kind === "kubernetes" && roster !== undefined && roster.ready.length + roster.waiting.length === 0;
}

function noPods(empty: readonly Target[]): RotationError {
  const which = empty.map((target) =>
    target.kind === "kubernetes"
      ? `${target.name} (selector ${target.selector} in namespace ${target.namespace})`
      : target.name,
  );
  return new RotationError(
    "NO_INSTANCES",
    `no pod was found in target ${which.join(", ")}; nothing was rotated`,
    { nextStep: "fix the target's namespace and selector, or remove it from instances" },
  );
}
