import { readFile } from "node:fs/promises";
import {
  RbacAuthorizationV1Api,
  type V1PolicyRule,
  type V1Role,
  type V1RoleBinding,
} from "@kubernetes/client-node";
import { parseAllDocuments } from "yaml";
import type { LabKubernetes } from "../../../../scripts/lab/kubernetes/kubernetes.ts";
import { clientConfig } from "../../../lab/kubernetes/cluster.ts";

/** The group that the shipped manifest names. */
export const shippedGroup = "on-call";

export interface ShippedRole {
  role: V1Role & { rules: V1PolicyRule[] };
  binding: V1RoleBinding;
}

/** Reads docs/kubernetes-rbac.yaml. */
export async function shippedRole(): Promise<ShippedRole> {
  const text = await readFile(new URL("../../../../docs/kubernetes-rbac.yaml", import.meta.url), "utf8");
  const [role, binding] = parseAllDocuments(text).map((document) => document.toJS());
  return { role, binding };
}

/** Makes, or replaces, a Role with the rules given, and binds the shipped manifest's group to it. */
export async function grant(
  { kubeconfigPath }: Pick<LabKubernetes, "kubeconfigPath">,
  namespace: string,
  rules: V1PolicyRule[],
): Promise<void> {
  const rbac = clientConfig(kubeconfigPath).makeApiClient(RbacAuthorizationV1Api);
  const { role, binding } = await shippedRole();
  const name = role.metadata?.name ?? "";
  const body = { ...role, metadata: { name, namespace }, rules };
  const { items } = await rbac.listNamespacedRole({ namespace });
  if (items.some(({ metadata }) => metadata?.name === name)) {
    await rbac.replaceNamespacedRole({ name, namespace, body });
    return;
  }
  await rbac.createNamespacedRole({ namespace, body });
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: { ...binding, metadata: { name: binding.metadata?.name ?? "", namespace } },
  });
}
