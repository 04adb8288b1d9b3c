import { once } from "node:events";
import { connect } from "node:net";
import pLimit from "p-limit";
import { unclearAddresses } from "../addresses.ts";
import { connectDirectly, type Instance } from "../instances.ts";
import {
  type RestartCandidate,
  type RestartOptions,
  type RestartResult,
  restartFailed,
  tracedRestart,
} from "../restart.ts";
import { restartByCommand } from "../restart-command.ts";
import type { FixContext, OpenTarget, Reach, TargetInspection, TargetKind } from "../target-kind.ts";

/** Instances that are listed in the stack config by URL. */
export interface StaticTarget {
  kind: "static";
  name: string;
  instances: Instance[];
}

/** A list of URLs: nothing is known of it beyond what the config says. */
export const staticKind: TargetKind<StaticTarget> = {
  isFixed: true,
  readyTimeoutMs: () => 0,
  describe: ({ name }) => name,
  withConnections: (target, connections) => ({
    ...target,
    instances: target.instances.map((one) => ({ ...one, connections: one.connections ?? connections })),
  }),
  unclear: ({ instances }) => unclearAddresses(instances),
  open: async (target) => openStatic(target),
};

function openStatic({ name, instances }: StaticTarget): OpenTarget {
  return {
    name,
    list: async () => ({ ready: instances, waiting: [], changed: async () => undefined }),
    connect: connectDirectly,
    canRestart: ({ command }) => command.length > 0,
    restart: restartInTurn,
    // Its log is read by the command that restarts it, and at no other time.
    readStartup: async () => undefined,
    reach: (patienceMs) => reachUrls(instances, patienceMs),
    inspect: async (settings) => inspectCommand(settings),
    fixCommand: async (instance, context) => refreshCommand(instance, context),
  };
}

/** One after another: nothing here knows how many instances users can do without. */
async function restartInTurn(
  candidates: readonly RestartCandidate[],
  options: RestartOptions,
): Promise<RestartResult[]> {
  const results: RestartResult[] = [];
  for (const candidate of candidates) {
    results.push(await tracedRestart(() => restartInstance(candidate, options)));
  }
  return results;
}

async function restartInstance(
  { instance, reason }: RestartCandidate,
  { settings, redact, progress }: RestartOptions,
): Promise<RestartResult> {
  const base = { subject: instance.name, because: [reason], startedAt: new Date().toISOString() };
  progress(`restarting ${instance.name}: ${reason}`);
  try {
    const { bootstrap } = await restartByCommand(instance, settings, redact);
    return { ...base, outcome: "done", finishedAt: new Date().toISOString(), bootstrap };
  } catch (error) {
    return restartFailed(base, error);
  }
}

const connectionsAtOnce = pLimit(128);

async function reachUrls(instances: readonly Instance[], patienceMs: number): Promise<Reach> {
  const answers = await connectionsAtOnce.map(instances, ({ url }) => takesConnection(url, patienceMs));
  const unreachable = instances.filter((_, index) => answers[index] !== true).map(({ name }) => name);
  return { instances: instances.length, unreachable };
}

async function takesConnection(url: string, patienceMs: number): Promise<boolean> {
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

function inspectCommand({ strategy, command }: Parameters<OpenTarget["inspect"]>[0]): TargetInspection {
  const isMissing = strategy === "restart" && command.length === 0;
  const problem =
    "restart.command: the strategy restart needs it for the instances that are listed by URL; set it, or use another strategy";
  return { problems: isMissing ? [problem] : [], missingRights: [], warnings: [] };
}

/** The token goes through stdin: everyone on the machine can read the arguments of a process. */
function refreshCommand({ url }: Instance, { refreshPath, stack }: FixContext): string {
  const token = `pulumi stack output apiRefreshToken --show-secrets --stack ${stack}`;
  return `${token} | sed 's/^/Authorization: Bearer /' | curl --fail -X POST -H @- '${url}${refreshPath}'`;
}
