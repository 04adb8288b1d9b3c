import type { OperationOptions } from "../lab/stack.ts";
import type { DrillScenario } from "./open-lab.ts";
import type { DrillOptions } from "./options.ts";
import { say } from "./say.ts";
import { type DrillEvidence, readEvidence } from "./show.ts";

/** What a rotation has left, and how long its old keys lived. */
export interface Rotated extends DrillEvidence {
  /** Milliseconds from the start of the `up` to the disabling of the last old key; null where none was disabled. */
  timeToDeadMs: number | null;
}

export interface RotationRequest {
  rotation: number;
  incident: string;
  /** More config for this rotation. Default: none. */
  config?: Record<string, unknown>;
  /** How to run the `up`. Default: in the stack's own environment. */
  run?: OperationOptions;
}

/**
 * Sets the config and runs one `up`.
 *
 * @throws Error where it left no evidence, or the evidence contradicts the exit code
 */
export async function rotate(scenario: DrillScenario, request: RotationRequest): Promise<Rotated> {
  const { rotation, incident, config, run } = request;
  await scenario.rotateTo(rotation, incident, config);
  const enteredAt = Date.now();
  const { exitCode, output } = await scenario.stack.up([], run);
  const text = await scenario.evidence(incident, rotation).catch(() => undefined);
  if (text === undefined) {
    console.log(output);
    throw new Error(`pulumi up for rotation ${rotation} exited with ${exitCode} and wrote no evidence`);
  }
  const evidence = readEvidence(text);
  if ((exitCode === 0) !== (evidence.outcome === "verified")) {
    throw new Error(`pulumi up exited with ${exitCode}, but its evidence says ${evidence.outcome}`);
  }
  const deaths = evidence.retired.map(({ disabledAt }) => Date.parse(disabledAt) - enteredAt);
  return { ...evidence, timeToDeadMs: deaths.length > 0 ? Math.max(...deaths) : null };
}

/** Makes the last instances misbehave, as the options say. */
export async function misbehave(scenario: DrillScenario, options: DrillOptions): Promise<void> {
  const instances = await scenario.fleet.list();
  let next = instances.length;
  for (const { kind, count } of options.misbehave) {
    const victims = instances.slice(Math.max(0, next - count), next);
    next -= count;
    for (const instance of victims) await instance.misbehave(kind);
    say(`${victims.map(({ name }) => name).join(", ")} will misbehave: ${kind}`);
  }
}
