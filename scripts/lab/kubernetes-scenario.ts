import { type LabKubernetes, type StartKubernetesOptions, startKubernetes } from "./kubernetes/kubernetes.ts";
import type { PodFleet } from "./kubernetes/pod-fleet.ts";
import type { PodRunner } from "./kubernetes/pod-runner.ts";
import { type PodsOptions, startPods } from "./kubernetes/scenario-pods.ts";
import { Scenario } from "./scenario.ts";
import {
  bootScenario,
  type FleetSurroundings,
  type ScenarioCore,
  type SharedOptions,
  type Undo,
} from "./scenario-boot.ts";

export type KubernetesScenarioOptions = SharedOptions & PodsOptions;

/** A realm, pods that trust it, and a stack of the program over both. `dispose` removes all of it. */
export class KubernetesScenario extends Scenario<PodFleet> {
  readonly kubernetes: LabKubernetes;
  /** Undefined in a cluster that runs its pods itself. */
  readonly runner: PodRunner | undefined;

  constructor(core: ScenarioCore<PodFleet>, kubernetes: LabKubernetes) {
    super(core);
    this.kubernetes = kubernetes;
    this.runner = core.fleet.runner;
  }

  /** One for each target. */
  get namespaces(): readonly [string, ...string[]] {
    return this.fleet.namespaces;
  }
}

/**
 * Boots a scenario over pods. Where a part does not start, those before it are stopped.
 *
 * @throws Error that says what to install where no cluster can be had
 */
export async function openKubernetesScenario(
  options: KubernetesScenarioOptions = {},
): Promise<KubernetesScenario> {
  const undo: Undo = [];
  // The cluster comes first: it is the part that a machine may have no way to.
  const kubernetes = options.kubernetes ?? (await startKubernetes(progressOf(options)));
  if (!options.kubernetes) undo.push(() => kubernetes.stop());
  const start = (surroundings: FleetSurroundings) => startPods(kubernetes, options, surroundings);
  return new KubernetesScenario(await bootScenario(options, start, undo), kubernetes);
}

function progressOf({ onProgress }: SharedOptions): Pick<StartKubernetesOptions, "onProgress"> {
  return onProgress ? { onProgress } : {};
}
