import type { KubernetesTarget } from "../kubernetes/kubernetes-target.ts";
import type { TargetKind } from "../target-kind.ts";

/** Pods of one namespace of one cluster. */
export const kubernetesKind: TargetKind<KubernetesTarget> = {
  isFixed: false,
  readyTimeoutMs: (target) => target.readyTimeoutMs,
  describe: ({ name, selector, namespace }) => `${name} (selector ${selector} in namespace ${namespace})`,
  withConnections: (target, connections) => ({ ...target, connections: target.connections ?? connections }),
  // A pod has one address.
  unclear: async () => [],
  // The Kubernetes client takes half a second to load, so only a stack with pods loads it.
  open: async (target) => {
    const { openKubernetes } = await import("../kubernetes/open-target.ts");
    return openKubernetes(target);
  },
};
