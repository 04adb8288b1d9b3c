import { isAbsolute, relative, resolve } from "node:path";
import type { ApiFleet } from "../lab/api-fleet.ts";
import { KubernetesScenario, openKubernetesScenario } from "../lab/kubernetes-scenario.ts";
import { openScenario, projectDir, type Scenario } from "../lab/scenario.ts";
import { Follower } from "./follow.ts";
import type { DrillOptions } from "./options.ts";
import { say } from "./say.ts";

export type DrillScenario = Scenario<ApiFleet>;

export interface Lab {
  scenario: DrillScenario;
  /** Of what the engine prints. */
  follower: Follower;
}

/**
 * Boots what a drill plays on.
 *
 * @throws Error that says what to install, or which part did not start
 */
export async function openLab(options: DrillOptions): Promise<Lab> {
  const follower = new Follower(options.verbose);
  const shared = {
    evidenceDir: belowProject(options.evidenceDir),
    onProgress: say,
    onLine: follower.onLine,
    config: {
      mode: options.mode,
      ...(options.strategy ? { restart: { strategy: options.strategy } } : {}),
    },
  };
  const scenario = options.kubernetes
    ? await openPods(options, shared)
    : await openScenario({ ...shared, instances: options.instances });
  return { scenario, follower };
}

async function openPods(
  { instances, misbehave, freeze }: DrillOptions,
  shared: Parameters<typeof openKubernetesScenario>[0],
): Promise<KubernetesScenario> {
  const scenario = await openKubernetesScenario({ ...shared, pods: instances });
  const unable = misbehave.length > 0 ? "--misbehave" : freeze ? "--freeze" : undefined;
  if (scenario.runner || unable === undefined) return scenario;
  await scenario.dispose();
  throw new Error(`${unable} needs pods whose processes the lab runs itself: unset LAB_KUBECONFIG.`);
}

/** What one of the instances is. */
export function nounOf(scenario: DrillScenario): string {
  return scenario instanceof KubernetesScenario ? "pod" : "instance";
}

/** How to look around in what is still running. */
export function whereaboutsOf(scenario: DrillScenario): string[] {
  const { keycloak, realm, admin, directory, fleet } = scenario;
  const pods = scenario instanceof KubernetesScenario ? clusterOf(scenario) : [];
  return [
    `Keycloak: ${keycloak.url}, realm ${realm}`,
    ...pods,
    ...fleet.instances.map(({ name, url }) => `${name}: ${url}/api/me`),
    `published keys: ${admin.jwksUri(realm)}`,
    `stack config and state: ${directory}`,
  ];
}

function clusterOf({ kubernetes, namespaces }: KubernetesScenario): string[] {
  const kubectl = `kubectl --kubeconfig ${kubernetes.kubeconfigPath} --namespace ${namespaces[0]}`;
  return [`pods: ${kubectl} get pods`];
}

/** As a path below the project where it is one: then no path of this machine is shown. */
function belowProject(path: string): string {
  const below = relative(projectDir, resolve(path));
  return below.startsWith("..") || isAbsolute(below) ? resolve(path) : below;
}
