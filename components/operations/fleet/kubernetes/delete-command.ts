import type { Instance } from "../instances.ts";
import { kubernetesDefaults } from "./kubernetes-defaults.ts";
import type { KubernetesTarget } from "./kubernetes-target.ts";

/**
 * The kubectl command that deletes a pod, whose successor fetches the current keys. It names the target's own cluster:
 * pods of another one may have the same names.
 */
export async function deleteCommand(target: KubernetesTarget, { name }: Instance): Promise<string> {
  const { kubeconfig, namespace } = target;
  const defaults = kubeconfig === undefined ? await kubernetesDefaults() : {};
  const context = target.context ?? defaults.context;
  return [
    "kubectl",
    ...(kubeconfig === undefined ? [] : ["--kubeconfig", kubeconfig]),
    ...(context === undefined ? [] : ["--context", context]),
    `--namespace ${namespace} delete pod ${name}`,
  ].join(" ");
}
