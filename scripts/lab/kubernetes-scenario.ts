import type { LabKubernetes } from "./kubernetes/kubernetes.ts";
import type { PodFleet } from "./kubernetes/pod-fleet.ts";
import type { PodRunner } from "./kubernetes/pod-runner.ts";
import { type ClusterParts, type PodsOptions, startPods } from "./kubernetes/scenario-pods.ts";
import { Scenario } from "./scenario.ts";
import { bootScenario, type ScenarioCore, type SharedOptions } from "./scenario-boot.ts";

export type KubernetesScenarioOptions = SharedOptions & PodsOptions;

/** A realm, pods that trust it, and a stack of the program over both. All of it goes with `dispose`. */
export class KubernetesScenario extends Scenario<PodFleet> {
  readonly kubernetes: LabKubernetes;
  /** Undefined in a cluster that runs its pods itself. */
  readonly runner: PodRunner | undefined;

  constructor(core: ScenarioCore<PodFleet>, { kubernetes, runner }: ClusterParts) {
    super(core);
    this.kubernetes = kubernetes;
    this.runner = runner;
  }

  /** One for each target. */
  get namespaces(): readonly [string, ...string[]] {
    return this.fleet.namespaces;
  }
}

/** Boots a scenario over pods. Where a part does not start, those before it are stopped. */
export async function openKubernetesScenario(
  options: KubernetesScenarioOptions = {},
): Promise<KubernetesScenario> {
  let parts: ClusterParts | undefined;
  const core = await bootScenario(options, async (surroundings) => {
    const started = await startPods(options, surroundings);
    parts = started;
    return started;
  });
  if (!parts) throw new Error("a scenario was booted without a cluster");
  return new KubernetesScenario(core, parts);
}
