import { AppsV1Api } from "@kubernetes/client-node";
import { startKubernetes } from "../../../scripts/lab/kubernetes/kubernetes.ts";
import { startPodRunner } from "../../../scripts/lab/kubernetes/pod-runner.ts";
import { sampleDeployment } from "../../../scripts/lab/kubernetes/sample-deployment.ts";
import { clientConfig, until } from "./cluster.ts";

// A lab whose pods never become ready, which is the hardest case to clean up after: started to be killed.
const kubernetes = await startKubernetes();
const runner = await startPodRunner(kubernetes);
const namespace = await kubernetes.createNamespace();
const body = sampleDeployment({ name: "api", namespace, replicas: 3, env: { ISSUER: "http://127.0.0.1:1" } });
await clientConfig(kubernetes.kubeconfigPath)
  .makeApiClient(AppsV1Api)
  .createNamespacedDeployment({ namespace, body });
const pods = await until(() => {
  const pids = runner.pods().flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  return pids.length === 3 && pids;
});
console.log(JSON.stringify({ directory: kubernetes.directory, pods }));
setInterval(() => {}, 1_000);
