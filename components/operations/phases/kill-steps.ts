import { RotationError } from "../base/errors.ts";
import type { RunContext } from "../base/run-context.ts";
import { markOf } from "../keys/key-marks.ts";
import { killStep } from "../keys/kill-marks.ts";
import { isTrusted, listSigningKeys, rotationOf } from "../keys/realm-keys.ts";
import { adminOf } from "./phase-request.ts";

/**
 * Whether `npm run kill` has done a step of this rotation with the same settings, so that the `up` after it need not. What
 * can't be found out counts as not done.
 */
export async function isDoneByKill(
  run: Pick<RunContext, "realm" | "rotation" | "incident">,
  name: Parameters<typeof killStep>[0],
  settings: unknown,
): Promise<boolean> {
  try {
    const keys = await listSigningKeys(await adminOf(run));
    const own = keys.filter(
      (key) =>
        isTrusted(key) &&
        rotationOf(key.componentName) === run.rotation &&
        key.incident === markOf(run.incident),
    );
    return own.some(({ done = "" }) => done.split(" ").includes(killStep(name, settings)));
  } catch (error) {
    if (error instanceof RotationError) return false;
    throw error;
  }
}
