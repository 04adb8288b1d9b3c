import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { median } from "../median.ts";
import type { Kubectl } from "./kubectl.ts";

/** `kubectl rollout restart` and `rollout status` of a Deployment. */
export interface RolloutRestart {
  /** Until `rollout status` says that it is done; median of the rounds. */
  ms: number;
  rounds: number[];
}

interface Restarted {
  kubeconfigPath: string;
  namespace: string;
  /** Of the Deployment. */
  name: string;
}

const run = promisify(execFile);

/** Restarts a Deployment as often as there are rounds, each time until it is rolled out. */
export async function measureRestart(
  { path }: Kubectl,
  { kubeconfigPath, namespace, name }: Restarted,
  rounds: number,
): Promise<RolloutRestart> {
  const rollout = (...args: string[]) =>
    run(path, ["--kubeconfig", kubeconfigPath, "--namespace", namespace, "rollout", ...args]);
  const measured: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await rollout("restart", `deployment/${name}`);
    await rollout("status", `deployment/${name}`, "--timeout=10m");
    measured.push(performance.now() - start);
    // The annotation that restarts has whole seconds: the same one again would change nothing.
    await nextSecond();
  }
  return { ms: median(measured), rounds: measured };
}

async function nextSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1_000);
  while (Math.floor(Date.now() / 1_000) === second) await new Promise((done) => setTimeout(done, 20));
}
