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
  /** Shows what the engine prints. */
  follower: Follower;
}

/**
 * Starts what a drill needs.
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
      // The adoption is no emergency that anybody waits to see the end of.
      probe: { watchSeconds: 0 },
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
  const refused = misbehave.length > 0 ? "--misbehave" : freeze ? "--freeze" : undefined;
  if (scenario.runner || refused === undefined) return scenario;
  await scenario.dispose();
  throw new Error(
    `${refused} works only where the lab itself runs the pods' processes: unset LAB_KUBECONFIG.`,
  );
}

/** What an instance is called here. */
export function nounOf(scenario: DrillScenario): string {
  return scenario instanceof KubernetesScenario ? "pod" : "instance";
}

/** Where to find what is still running. */
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

/** Relative to the project where it is below it, so that no path of this machine is printed. */
function belowProject(path: string): string {
  const below = relative(projectDir, resolve(path));
  return below.startsWith("..") || isAbsolute(below) ? resolve(path) : below;
}
