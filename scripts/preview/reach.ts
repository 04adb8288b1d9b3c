import { once } from "node:events";
import { connect } from "node:net";
import pLimit from "p-limit";
import { messageOf } from "#operations/base/errors";
import type { ConfiguredTarget } from "#operations/config/settings-shape";
import { openTargets } from "#operations/fleet/targets";

/** The instances of a target, and which of them can be reached now. */
export interface TargetReach {
  name: string;
  kind: ConfiguredTarget["kind"];
  instances: number;
  /** Names of the instances by URL that accept no connection, and of the pods that are not ready. */
  unreachable: string[];
  /** Why the target can't be inspected. */
  error?: string;
}

const timeoutMs = 2_000;
const limit = pLimit(128);

/**
 * Checks which instances of each target can be reached, without sending a request to any of them: whether a URL's port
 * accepts a connection, and which pods are ready.
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
  const answers = await Promise.all(instances.map(({ url }) => limit(() => acceptsConnection(url))));
  const unreachable = instances
    .filter((_, index) => answers[index] !== true)
    .map((instance) => instance.name);
  return { name, kind, instances: instances.length, unreachable };
}

async function acceptsConnection(url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = connect({ host, port: Number(port || (protocol === "https:" ? 443 : 80)) });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(timeoutMs) });
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
    const { ready, waiting } = await opened.list(timeoutMs);
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
