import { type EnforceResult, enforce } from "#operations/enforce/enforce";
import { identity, instanceId } from "#operations/fleet/instances";
import type { KubernetesTarget } from "#operations/fleet/kubernetes/kubernetes-target";
import { type Sweep, sweep } from "#operations/fleet/sweep";
import { openTargets } from "#operations/fleet/targets";
import type { Baseline } from "#operations/proof/canary-findings";
import { type InstanceVerification, verifyInstance } from "#operations/proof/verify-instance";
import { readKubeconfig } from "../../lab/kubernetes/kubeconfig.ts";
import { podClient } from "../../lab/kubernetes/pod-client.ts";
import { bareUndici, enforceRequest } from "../contenders.ts";
import { acceptedBefore, type Workload } from "../workload.ts";

/** The pods that a contender works on. */
export interface PodsToDo {
  target: KubernetesTarget;
  kubeconfigPath: string;
  podNames: readonly string[];
  /** By instance id: what each pod said before the cut-over. */
  baseline: ReadonlyMap<string, Baseline>;
}

/** This program's own code, as `KeyEnforcement` and `Verification` run it: it finds the pods itself, twice in each. */
export async function ours(pods: PodsToDo, { questions, concurrency }: Workload): Promise<void> {
  const { target, baseline } = pods;
  const { fleet } = questions;
  const settings = { ...questions, fleet: { ...fleet, refresh: { ...fleet.refresh, concurrency } } };
  const enforced = await enforce(enforceRequest(target, settings, [...baseline.values()]), () => {});
  const { readyTimeoutMs } = target;
  const verified = await sweep(await openTargets([target]), { concurrency, readyTimeoutMs }, (instance) =>
    verifyInstance(instance, settings, {
      baseline: baseline.get(instanceId(instance)),
      startup: async () => undefined,
    }),
  );
  refuseAnythingElse(pods, enforced, verified);
}

/** Speed counts only for right answers. */
function refuseAnythingElse(
  { podNames }: PodsToDo,
  { results, failures, open }: EnforceResult,
  verified: Sweep<InstanceVerification>,
): void {
  const bad =
    results.find(({ outcome }) => outcome !== "claimed") ??
    verified.results.find(({ value }) => !value.verified);
  const complete = results.length === podNames.length && verified.results.length === podNames.length;
  if (bad ?? !complete) {
    const counts = `${results.length} refreshed, ${verified.results.length} asked, of ${podNames.length}`;
    throw new Error(`not every pod is verified: ${counts} ${JSON.stringify([bad, failures, open])}`);
  }
}

/** What each pod said before the cut-over, of the pods that there are. */
export async function podBaseline(target: KubernetesTarget): Promise<Map<string, Baseline>> {
  const [opened] = await openTargets([target]);
  const { ready = [] } = (await opened?.list(10_000)) ?? {};
  return new Map(ready.map((one) => [instanceId(one), { ...acceptedBefore(one.name), ...identity(one) }]));
}

/**
 * The limit: client-node's port-forward, undici, and nothing else. It is told which pods there are; the same requests in
 * the same order, a tunnel for each pod and phase, without verdicts, records, time limits and retries.
 */
export async function barePortForward(
  { kubeconfigPath, target, podNames }: PodsToDo,
  workload: Workload,
): Promise<void> {
  const kubeconfig = readKubeconfig(kubeconfigPath);
  const port = 8080;
  const instances = podNames.map((name) => ({ name, url: `http://localhost:${port}` }));
  await bareUndici(instances, workload, ({ name }) =>
    podClient(kubeconfig, { namespace: target.namespace, name, port }),
  );
}
