import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ApiextensionsV1Api, CoreV1Api, type V1CustomResourceDefinition } from "@kubernetes/client-node";
import { parse, stringify } from "yaml";
import { z } from "zod";
import type { ControlPlane } from "./control-plane.ts";
import { freePort } from "./free-port.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import { isReadyCondition } from "./pod-status.ts";
import { appLabel } from "./sample-deployment.ts";

/** The one node of the lab. */
export const nodeName = "lab-node";

const stage = z.looseObject({
  spec: z.looseObject({
    resourceRef: z.looseObject({ kind: z.string() }),
    selector: z.looseObject({ matchExpressions: z.array(z.unknown()) }),
  }),
});

/** Makes the node, and starts KWOK as its kubelet. Resolves when the node is ready. */
export async function startKwok(plane: ControlPlane, home: string, directory: string): Promise<void> {
  const kubeconfig = readKubeconfig(plane.kubeconfigPath);
  const core = kubeconfig.makeApiClient(CoreV1Api);
  await defineResources(kubeconfig.makeApiClient(ApiextensionsV1Api), home);
  await core.createNode({
    body: {
      metadata: { name: nodeName, annotations: { "kwok.x-k8s.io/node": "fake" }, labels: { type: "kwok" } },
    },
  });
  const config = join(directory, "kwok.yaml");
  await writeFile(config, await configuration(home, await freePort()));
  plane.servers.start("kwok", [`--config=${config}`, `--kubeconfig=${plane.kubeconfigPath}`]);
  await plane.servers.until("kwok", async () => {
    const { status } = await core.readNode({ name: nodeName });
    return status?.conditions?.some(isReadyCondition) ?? false;
  });
  // An admission plugin has set "not ready", which only the node-lifecycle controller would remove.
  await core.patchNode({ name: nodeName, body: [{ op: "add", path: "/spec/taints", value: [] }] });
}

async function defineResources(api: ApiextensionsV1Api, home: string): Promise<void> {
  for (const file of await readdir(join(home, "definitions"))) {
    const body: V1CustomResourceDefinition = parse(await readFile(join(home, "definitions", file), "utf8"));
    await api.createCustomResourceDefinition({ body });
  }
}

async function configuration(home: string, port: number): Promise<string> {
  const options = {
    enableCRDs: ["PortForward", "Logs"],
    enableDebuggingHandlers: true,
    enableProfilingHandler: false,
    manageAllNodes: false,
    manageNodesWithAnnotationSelector: "kwok.x-k8s.io/node=fake",
    nodeIP: "127.0.0.1",
    nodePort: port,
    serverAddress: `127.0.0.1:${port}`,
    nodePlayStageParallelism: 4,
    podPlayStageParallelism: 4,
  };
  const kwok = { apiVersion: "config.kwok.x-k8s.io/v1alpha1", kind: "KwokConfiguration", options };
  return [kwok, ...(await stages(home))].map((document) => stringify(document)).join("---\n");
}

/** KWOK's own stages, except for pods that have a process: the pod runner sets their status. */
async function stages(home: string): Promise<unknown[]> {
  const files = await readdir(join(home, "stages"));
  return Promise.all(
    files.map(async (file) => {
      const found = stage.parse(parse(await readFile(join(home, "stages", file), "utf8")));
      if (found.spec.resourceRef.kind === "Pod") {
        const key = `.metadata.labels[${JSON.stringify(appLabel)}]`;
        found.spec.selector.matchExpressions.push({ key, operator: "DoesNotExist" });
      }
      return found;
    }),
  );
}
