import { RotationError } from "../../base/errors.ts";
import type { RestartSettings } from "../restart.ts";
import type { TargetInspection } from "../target-kind.ts";
import type { Cluster } from "./cluster.ts";
import { forbidden } from "./cluster-errors.ts";
import type { KubernetesTarget } from "./kubernetes-target.ts";
import { missingRights, rightsFor } from "./permissions.ts";

/** Looks, without changing anything, whether the cluster grants what a run needs. */
export async function inspectCluster(cluster: Cluster, target: KubernetesTarget): Promise<TargetInspection> {
  try {
    const missing = await missingRights(cluster, rightsFor(target, target.secret?.name));
    const refusals = missing.length > 0 ? [forbidden(target.name, missing).message] : [];
    return { problems: [], missingRights: refusals, warnings: [] };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return inspectionOf(error);
  }
}

/** A cluster that gives no answer may give one in time. */
export function inspectionOf({ code, message }: RotationError): TargetInspection {
  const isSilence = code === "KUBERNETES_UNREACHABLE";
  return {
    problems: isSilence ? [] : [message],
    missingRights: [],
    warnings: isSilence ? [message] : [],
  };
}

/** What a target without workloads would need them for. */
export function missingWorkloads(
  { name, workloads, secret }: KubernetesTarget,
  { strategy }: Pick<RestartSettings, "strategy">,
): string[] {
  if (workloads.length > 0 || (strategy !== "restart" && !secret)) return [];
  const what = secret ? "a new API refresh token" : "the strategy restart";
  return [
    `targets: target ${name} lists no workloads, and ${what} needs a rolling restart; list them, e.g. deployment/shop-api`,
  ];
}
