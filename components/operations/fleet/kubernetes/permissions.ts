import pLimit from "p-limit";
import { callCluster } from "./call-cluster.ts";
import type { Cluster } from "./cluster.ts";
import type { Action } from "./cluster-errors.ts";
import type { KubernetesTarget } from "./kubernetes-target.ts";
import { parseWorkload } from "./workload.ts";
import { workloadAction } from "./workload-calls.ts";

const reviewsAtOnce = 4;

/**
 * Everything that a run does in the cluster of a target, in the words of RBAC.
 *
 * @param secretName the Secret with the API refresh token, if this program keeps one
 */
export function rightsFor(
  { namespace, transport, workloads }: Pick<KubernetesTarget, "namespace" | "transport" | "workloads">,
  secretName?: string,
): Action[] {
  const onPods = (verb: Action["verb"], resource: string): Action => ({ verb, resource, namespace });
  const onSecret = (verb: Action["verb"]): Action[] =>
    secretName === undefined ? [] : [{ verb, resource: "secrets", namespace, name: secretName }];
  const listed = workloads.map((text) => parseWorkload(text, namespace)).filter((one) => one !== undefined);
  return [
    onPods("list", "pods"),
    onPods("watch", "pods"),
    onPods("get", "pods/log"),
    // Opening it by WebSocket is a GET, which needs `get`; from Kubernetes 1.35 on it needs `create` as well.
    ...(transport === "port-forward"
      ? [onPods("get", "pods/portforward"), onPods("create", "pods/portforward")]
      : []),
    ...listed.flatMap((workload) => [workloadAction("get", workload), workloadAction("patch", workload)]),
    ...onSecret("get"),
    ...onSecret("create"),
    ...onSecret("patch"),
  ];
}

/**
 * Asks the API server which of the actions it would refuse, so that one message can name them all before anything is
 * touched. Everyone may ask that about themselves.
 *
 * @param patienceMs how long the API server may give no answer. Default: 3000
 * @throws {RotationError} any Kubernetes code
 */
export async function missingRights(
  cluster: Cluster,
  actions: readonly Action[],
  patienceMs = 3_000,
): Promise<Action[]> {
  const limit = pLimit(reviewsAtOnce);
  const allowed = await limit.map(actions, (action) => isAllowed(cluster, action, patienceMs));
  return actions.filter((_, index) => !allowed[index]);
}

async function isAllowed(cluster: Cluster, action: Action, patienceMs: number): Promise<boolean> {
  const body = { spec: { resourceAttributes: resourceAttributes(action) } };
  const asking = { verb: "create", resource: "selfsubjectaccessreviews" } as const;
  const ask = () => cluster.authorization.createSelfSubjectAccessReview({ body });
  const { status } = await callCluster(cluster, asking, ask, patienceMs);
  return status?.allowed === true;
}

const groups = new Map([
  ["deployments", "apps"],
  ["statefulsets", "apps"],
  ["daemonsets", "apps"],
]);

/** An action in the API server's own form: with its API group, and the part after the slash on its own. */
export function resourceAttributes({ verb, resource, namespace, name }: Action) {
  const [kind = "", subresource] = resource.split("/");
  return {
    verb,
    group: groups.get(kind) ?? "",
    resource: kind,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}
