import { messageOf, RotationError } from "../base/errors.ts";
import { emptyTargets } from "../fleet/sweep.ts";
import { describeTarget, type OpenTarget, type Target } from "../fleet/targets.ts";

/** How long a cluster may take to answer before the key is disabled, in milliseconds. */
export const patienceMs = 5_000;

/** What a first look at the targets shows. */
export interface FirstLook {
  isAnyReady: boolean;
  /** Targets without an instance, and those whose cluster refuses us: a sentence each. */
  problems: RotationError[];
}

/**
 * Looks whether every target has instances. A target without any is a mistake in the config, and so is one whose cluster
 * refuses us. A cluster that does not answer is not.
 *
 * @param waitMs how long a cluster may take to answer, in milliseconds
 */
export async function lookAround(
  targets: readonly Target[],
  opened: readonly OpenTarget[],
  waitMs = patienceMs,
): Promise<FirstLook> {
  const looks = await Promise.all(
    opened.map(({ name, list }) =>
      list(waitMs).then(
        (roster) => ({ name, roster, error: undefined }),
        (error: unknown) => ({ name, roster: undefined, error }),
      ),
    ),
  );
  const found = looks.flatMap(({ roster }) => (roster ? [...roster.ready, ...roster.waiting] : []));
  const silent = looks.filter(({ roster }) => !roster).map(({ name }) => ({ target: name }));
  const empty = emptyTargets(targets, found, silent);
  return {
    isAnyReady: looks.some(({ roster }) => roster && roster.ready.length > 0),
    problems: [
      ...looks.flatMap(({ error }) => refusalOf(error)),
      ...(empty.length > 0 ? [noPods(empty)] : []),
    ],
  };
}

function refusalOf(error: unknown): RotationError[] {
  if (error === undefined) return [];
  if (!(error instanceof RotationError)) throw error;
  return error.code === "KUBERNETES_UNREACHABLE" ? [] : [error];
}

/** Outside an emergency a mistake in the config stops the run before anything is changed. */
export function refuseMistakes({ problems: [first] }: FirstLook): void {
  if (first) throw first;
}

/** In an emergency it is said, and the run is red in the end. */
export function describeMistakes({ problems }: FirstLook): string[] {
  return problems.map(messageOf);
}

function noPods(empty: readonly Target[]): RotationError {
  return new RotationError(
    "NO_INSTANCES",
    `no instance was found in target ${empty.map(describeTarget).join(", ")}`,
    { nextStep: "fix the target's namespace and selector, or remove it from targets" },
  );
}
