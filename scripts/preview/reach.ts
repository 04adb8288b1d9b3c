import { once } from "node:events";
import { connect } from "node:net";
import pLimit from "p-limit";
import { messageOf } from "#operations/base/errors";
import type { ConfiguredTarget } from "#operations/config/settings-shape";
import { openTargets } from "#operations/fleet/targets";

/** What is to be found at a target now. */
export interface TargetReach {
  name: string;
  kind: ConfiguredTarget["kind"];
  instances: number;
  /** By name; instances by URL that take no connection, and pods that are not ready. */
  unreachable: string[];
  /** Why the target can't be looked at. */
  error?: string;
}

const patienceMs = 2_000;
const limit = pLimit(128);

/**
 * Looks for the instances of each target without asking one of them anything: whether a URL's port takes a connection,
 * and which pods are ready.
 */
export function reachTargets(targets: readonly ConfiguredTarget[]): Promise<TargetReach[]> {
  return Promise.all(
    targets.map((target) => (target.kind === "static" ? reachUrls(target) : reachPods(target))),
  );
}

async function reachUrls({
  name,
  kind,
  instances,
}: Extract<ConfiguredTarget, { kind: "static" }>): Promise<TargetReach> {
  const answers = await Promise.all(instances.map(({ url }) => limit(() => takesConnection(url))));
  const unreachable = instances.filter((_, index) => answers[index] !== true).map((one) => one.name);
  return { name, kind, instances: instances.length, unreachable };
}

async function takesConnection(url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = connect({ host, port: Number(port || (protocol === "https:" ? 443 : 80)) });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(patienceMs) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function reachPods(target: Extract<ConfiguredTarget, { kind: "kubernetes" }>): Promise<TargetReach> {
  const { name, kind } = target;
  try {
    const [opened] = await openTargets([target]);
    if (!opened) return { name, kind, instances: 0, unreachable: [] };
    const { ready, waiting } = await opened.list(patienceMs);
    return {
      name,
      kind,
      instances: ready.length + waiting.length,
      unreachable: waiting.map((pod) => pod.name),
    };
  } catch (error) {
    return { name, kind, instances: 0, unreachable: [], error: messageOf(error) };
  }
}
