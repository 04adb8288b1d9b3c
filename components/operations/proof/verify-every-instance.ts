import { redactor } from "../base/redact.ts";
import { progressOf } from "../base/report.ts";
import { type Identity, type Instance, idOf, instanceId, type OpenInstance } from "../fleet/instances.ts";
import { type Startup, startupAfter } from "../fleet/read-startup.ts";
import { applyOrders } from "../fleet/standing-orders.ts";
import { type Sweep, sweep } from "../fleet/sweep.ts";
import { type OpenTarget, openTargets, readyTimeoutMs } from "../fleet/targets.ts";
import type { Questions } from "./questions.ts";
import { retiredAt } from "./retired-keys.ts";
import type { VerificationRequest } from "./verification-request.ts";
import { type InstanceVerification, verifyInstance } from "./verify-instance.ts";

export async function verifyEveryInstance(
  request: VerificationRequest,
  questions: Questions,
  previous: readonly InstanceVerification[],
): Promise<Sweep<InstanceVerification>> {
  const { fleet, run, retired } = request;
  const targets = await openTargets(fleet.targets);
  const [baselineOf, previousOf] = [byId(retired.baseline), byId(previous)];
  const startupOf = startups(targets, request, questions);
  const options = {
    concurrency: fleet.refresh.concurrency,
    readyTimeoutMs: readyTimeoutMs(fleet.targets),
    overdue: "ask" as const,
    progress: progressOf("verify", run),
  };
  return sweep(targets, options, async (instance) => {
    const id = instanceId(instance);
    const untold = await tellOrders(instance, request);
    const known = { baseline: baselineOf.get(id), previous: previousOf.get(id) };
    const asked = await verifyInstance(instance, questions, { ...known, startup: () => startupOf(instance) });
    if (untold.length === 0) return asked;
    return { ...asked, verified: false, reasons: [...asked.reasons, ...untold] };
  });
}

function tellOrders(instance: OpenInstance, { fleet, emergency }: VerificationRequest): Promise<string[]> {
  return applyOrders(instance, emergency.orders, fleet.refresh, fleet.apiRefreshTokens);
}

function byId<T extends Identity & { instance: string }>(list: readonly T[]): Map<string, T> {
  return new Map(list.map((known) => [idOf(known), known]));
}

/** What is known of an instance's start, where that was after the retired keys were disabled; otherwise undefined. */
function startups(
  targets: readonly OpenTarget[],
  { fleet, restarts, retired }: VerificationRequest,
  { fresh, canaries }: Questions,
) {
  const tokens = [...fresh, ...canaries.flatMap(({ seen, unseen }) => [seen, unseen])];
  const redact = redactor([...fleet.apiRefreshTokens, ...tokens.map(({ token }) => token)]);
  const look = { bootstrapPattern: fleet.restart.bootstrapPattern, redact };
  const since = { time: retiredAt(retired), restarts };
  return (instance: Instance): Promise<Startup | undefined> => startupAfter(targets, instance, since, look);
}
