import { RotationError } from "../base/errors.ts";
import type { KubernetesTarget } from "../fleet/kubernetes/kubernetes-target.ts";
import type { RestartSettings } from "../fleet/restart.ts";
import type { ConfiguredTarget } from "./settings-shape.ts";

/** What is wrong with the targets' clusters; empty where nothing is. */
export interface TargetInspection {
  problems: string[];
  /** What the kubeconfig's user may not do and an `up` has to; a preview can do without. */
  missingRights: string[];
  /** Clusters that don't answer: no mistake of the config, and so no reason to refuse it. */
  warnings: string[];
}

/**
 * Looks, without changing anything, whether each cluster can be opened and grants what the run needs.
 */
export async function inspectTargets(
  targets: readonly ConfiguredTarget[],
  { strategy, command }: Pick<RestartSettings, "strategy" | "command">,
): Promise<TargetInspection> {
  const pods = targets.filter((target) => target.kind === "kubernetes");
  const found = await Promise.all(pods.map((target) => inspectTarget(target)));
  const helpless = pods
    .filter(({ workloads, secret }) => workloads.length === 0 && (strategy === "restart" || secret))
    .map(
      ({ name, secret }) =>
        `targets: target ${name} lists no workloads, and ${secret ? "a new API refresh token" : "the strategy restart"} needs a rolling restart; list them, e.g. deployment/shop-api`,
    );
  const withoutCommand = strategy === "restart" && targets.length > pods.length && command.length === 0;
  return {
    problems: [
      ...found.flatMap(({ problems }) => problems),
      ...helpless,
      ...(withoutCommand
        ? ["restart.command: the strategy restart needs it for the instances that are listed by URL"]
        : []),
    ],
    missingRights: found.flatMap((one) => one.missingRights),
    warnings: found.flatMap(({ warnings }) => warnings),
  };
}

type Kubernetes = KubernetesTarget & { secret?: { name: string } | undefined };

async function inspectTarget(target: Kubernetes): Promise<TargetInspection> {
  try {
    const { openCluster } = await import("../fleet/kubernetes/cluster.ts");
    const { missingRights, rightsFor } = await import("../fleet/kubernetes/permissions.ts");
    const { forbidden } = await import("../fleet/kubernetes/cluster-errors.ts");
    const missing = await missingRights(await openCluster(target), rightsFor(target, target.secret?.name));
    const refusal = missing.length > 0 ? [forbidden(target.name, missing).message] : [];
    return { problems: [], missingRights: refusal, warnings: [] };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const isSilence = error.code === "KUBERNETES_UNREACHABLE";
    return isSilence
      ? { problems: [], missingRights: [], warnings: [error.message] }
      : { problems: [error.message], missingRights: [], warnings: [] };
  }
}
