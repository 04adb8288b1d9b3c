import { Client, request } from "undici";
import { enforce } from "#operations/enforce/enforce";
import type { EnforceRequest } from "#operations/enforce/refresh-and-look";
import { type Instance, instanceUrl, onEveryInstance } from "#operations/fleet/instances";
import type { Target } from "#operations/fleet/targets";
import type { Baseline } from "#operations/proof/canary-findings";
import type { Questions } from "#operations/proof/questions";
import { type InstanceVerification, verifyInstance } from "#operations/proof/verify-instance";
import { acceptedBefore, canariesOf, type Workload } from "./workload.ts";

/** Refreshes and verifies every instance, and fails where one is not verified: speed counts only for right answers. */
export type Contender = (instances: readonly Instance[], workload: Workload) => Promise<unknown>;

/**
 * This program's own code, as `KeyEnforcement` and `Verification` run it.
 *
 * @param before what the instances said before the cut-over. Default: what good ones say
 */
export async function ours(
  instances: readonly Instance[],
  { questions, concurrency }: Workload,
  before: readonly Baseline[] = instances.map(({ name }) => acceptedBefore(name)),
): Promise<InstanceVerification[]> {
  const baseline = new Map(before.map((known) => [known.instance, known]));
  const { results } = await enforce(
    enforceRequest({ kind: "static", name: "static", instances: [...instances] }, questions, [...before]),
    () => {},
  );
  const verified = await onEveryInstance(instances, concurrency, (instance) =>
    verifyInstance(instance, questions, {
      baseline: baseline.get(instance.name),
      startup: async () => undefined,
    }),
  );
  const bad = results.find(({ outcome }) => outcome !== "claimed") ?? verified.find((one) => !one.verified);
  if (bad) throw new Error(`${bad.instance} failed: ${JSON.stringify(bad)}`);
  return verified;
}

/** What `KeyEnforcement` asks for in an emergency. */
export function enforceRequest(target: Target, questions: Questions, baseline: Baseline[]): EnforceRequest {
  const { controls, fleet, expectation } = questions;
  const canaries = canariesOf(questions);
  const now = new Date().toISOString();
  const restart = {
    strategy: "refresh" as const,
    timeoutMs: 1_000,
    bootstrapPattern: "",
    command: [],
    logs: [],
  };
  return {
    fleet: { ...fleet, targets: [target], restart },
    newKids: expectation.present,
    retired: {
      keys: canaries.map(({ kid, algorithm }) => ({
        kid,
        algorithm,
        componentName: kid,
        disabledAt: now,
        disabledAtIsExact: true,
      })),
      baseline,
      canaries,
      controls,
      canaryTokens: Object.fromEntries(
        canaries.flatMap(({ seen, unseen }) => [seen, unseen]).map(({ jti, token }) => [jti, token]),
      ),
      cutOverAt: now,
    },
  };
}

/**
 * The limit: undici and nothing else. The same requests in the same order on as many connections, at the same
 * concurrency, with no time limits, no verdicts, no records and no retries.
 */
export async function bareUndici(
  instances: readonly Instance[],
  { questions, concurrency }: Workload,
  connect: (instance: Instance) => Client = ({ url }) => new Client(new URL(url).origin),
): Promise<void> {
  await inParallel(instances, concurrency, connect, (instance, client) =>
    refreshOnce(instance, client, questions),
  );
  await inParallel(instances, concurrency, connect, (instance, client) =>
    probeAll(instance, client, questions),
  );
}

/** A refresh, and a look with each canary. */
async function refreshOnce(instance: Instance, client: Client, questions: Questions): Promise<void> {
  const { refresh, apiRefreshTokens, probe } = questions.fleet;
  const headers = { authorization: `Bearer ${apiRefreshTokens[0]}` };
  await expectStatus(client, instanceUrl(instance, refresh.path), { method: "POST", headers }, 200);
  for (const { seen } of canariesOf(questions)) {
    const look = { authorization: `Bearer ${seen.token}`, accept: "application/json" };
    await expectStatus(client, instanceUrl(instance, probe.path), { method: "GET", headers: look }, 401);
  }
}

async function probeAll(instance: Instance, client: Client, questions: Questions): Promise<void> {
  const url = instanceUrl(instance, questions.fleet.probe.path);
  for (const [token, status] of tokensToProbe(questions)) {
    const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
    await expectStatus(client, url, { method: "GET", headers }, status);
  }
}

async function inParallel(
  instances: readonly Instance[],
  concurrency: number,
  connect: (instance: Instance) => Client,
  work: (instance: Instance, client: Client) => Promise<void>,
): Promise<void> {
  const queue = instances.values();
  const worker = async () => {
    for (const instance of queue) {
      const client = connect(instance);
      await work(instance, client);
      client.destroy().catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

async function expectStatus(
  client: Client,
  url: string,
  options: { method: "GET" | "POST"; headers: Record<string, string> },
  expected: number,
): Promise<void> {
  const { statusCode, body } = await request(url, { ...options, dispatcher: client });
  await body.text();
  if (statusCode !== expected) throw new Error(`${url} answered ${statusCode}`);
}

/** Every token that an instance is probed with, and the status it must get. */
export function tokensToProbe(questions: Questions): [string, 200 | 401][] {
  const { controls, fresh, forged, expired } = questions;
  return [
    ...canariesOf(questions).flatMap(({ seen, unseen }): [string, 401][] => [
      [unseen.token, 401],
      [seen.token, 401],
    ]),
    ...[...controls, ...fresh].map(({ token }): [string, 200] => [token, 200]),
    ...forged.map(({ token }): [string, 401] => [token, 401]),
    [expired.token, 401],
  ];
}
