import { redactor } from "../base/redact.ts";
import { progressOf } from "../base/report.ts";
import { type Identity, type Instance, idOf, instanceId, type OpenInstance } from "../fleet/instances.ts";
import { type Startup, startupAfter } from "../fleet/read-startup.ts";
import { applyOrders } from "../fleet/standing-orders.ts";
import { type Sweep, sweep } from "../fleet/sweep.ts";
import { type OpenTarget, openTargets, readyTimeoutMs } from "../fleet/targets.ts";
import type { AskableRow } from "./ledger/rows.ts";
import type { Questions } from "./questions.ts";
import type { VerificationRequest } from "./verification-request.ts";
import { type InstanceVerification, verifyInstance } from "./verify-instance.ts";

export async function verifyEveryInstance(
  request: VerificationRequest,
  questions: Questions,
): Promise<Sweep<InstanceVerification>> {
  const { fleet, run, retired, cells } = request;
  const targets = await openTargets(fleet.targets);
  const baselineOf = byId(retired.baseline);
  const startupOf = startups(targets, request, questions);
  const options = {
    concurrency: fleet.refresh.concurrency,
    readyTimeoutMs: readyTimeoutMs(fleet.targets),
    overdue: "ask" as const,
    progress: progressOf("verify", run),
  };
  return sweep(targets, options, async (instance) => {
    const untold = await tellOrders(instance, request);
    const asked = await verifyInstance(instance, questions, {
      ...{ baseline: baselineOf.get(instanceId(instance)), cells },
      startup: (rows) => startupOf(instance, rows),
    });
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

/** What is known of an instance's start, where that was after the death of one of the keys; otherwise undefined. */
function startups(
  targets: readonly OpenTarget[],
  { fleet, restarts }: VerificationRequest,
  { fresh, rows }: Questions,
) {
  const canaries = rows.flatMap(({ canary }) => (canary ? [canary.seen, canary.unseen] : []));
  const redact = redactor([...fleet.apiRefreshTokens, ...[...fresh, ...canaries].map(({ token }) => token)]);
  const look = { bootstrapPattern: fleet.restart.bootstrapPattern, redact };
  return async (instance: Instance, after: readonly AskableRow[]): Promise<Startup | undefined> => {
    const [first] = after.map(({ deadSince }) => deadSince).toSorted();
    return first === undefined ? undefined : startupAfter(targets, instance, { time: first, restarts }, look);
  };
}
