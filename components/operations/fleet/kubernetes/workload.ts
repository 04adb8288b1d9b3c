import type { V1Pod } from "@kubernetes/client-node";

export type WorkloadKind = "deployment" | "statefulset" | "daemonset";

/** What creates pods and can be restarted. */
export interface Workload {
  kind: WorkloadKind;
  namespace: string;
  name: string;
}

/** As kubectl spells them. */
const spellings = new Map<string, WorkloadKind>([
  ["deploy", "deployment"],
  ["deployment", "deployment"],
  ["deployments", "deployment"],
  ["sts", "statefulset"],
  ["statefulset", "statefulset"],
  ["statefulsets", "statefulset"],
  ["ds", "daemonset"],
  ["daemonset", "daemonset"],
  ["daemonsets", "daemonset"],
]);

const shape = /^(?<kind>[a-z]+)(?:(?:\.v1)?\.apps)?\/(?<name>[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)$/;

/**
 * Reads the spellings that kubectl accepts: `deployment/shop-api`, also `deploy/`, `sts/`, `ds/`, plurals and `deployments.apps/`.
 *
 * @returns undefined if it is anything else
 */
export function parseWorkload(text: string, namespace: string): Workload | undefined {
  const { kind = "", name } = shape.exec(text)?.groups ?? {};
  const known = spellings.get(kind);
  return known && name ? { kind: known, namespace, name } : undefined;
}

/** The spelling that is used in output and in comparisons: `deployment/shop-api`. */
export function workloadText({ kind, name }: Pick<Workload, "kind" | "name">): string {
  return `${kind}/${name}`;
}

/**
 * The workload that a pod belongs to, as {@link workloadText} spells it. Only the pod is looked at: its ReplicaSet is
 * named after the Deployment and the hash of the pod's template, and reading it would take another permission.
 *
 * @returns undefined for a pod on its own, and if another kind of workload has created it
 */
export function workloadOfPod({ metadata }: V1Pod): string | undefined {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
  if (!owner?.apiVersion.startsWith("apps/")) return undefined;
  switch (owner.kind) {
    case "StatefulSet":
      return workloadText({ kind: "statefulset", name: owner.name });
    case "DaemonSet":
      return workloadText({ kind: "daemonset", name: owner.name });
    case "ReplicaSet":
      return deploymentOf(owner.name, metadata?.labels?.["pod-template-hash"]);
    default:
      return undefined;
  }
}

function deploymentOf(replicaSet: string, templateHash: string | undefined): string | undefined {
  const suffix = `-${templateHash}`;
  if (templateHash === undefined || !replicaSet.endsWith(suffix)) return undefined;
  return workloadText({ kind: "deployment", name: replicaSet.slice(0, -suffix.length) });
}
