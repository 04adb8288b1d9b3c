import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { seeEngine } from "../base/engine-watch.ts";
import { progressOf } from "../base/report.ts";
import type { RunContext } from "../base/run-context.ts";
import { connection } from "../keycloak/connection.ts";
import { hurryIn } from "../keycloak/hurry.ts";
import { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { RealmLease } from "../keycloak/lease/realm-lease.ts";
import { hurriedAdminOf } from "./phase-request.ts";

/** All phases of a run are in one process, and each `up` has a process of its own. */
const thisRun = randomUUID();
const leases = new Map<string, RealmLease>();

/** This process's claim to change the keys of a realm. */
export async function leaseOf(run: RunContext): Promise<RealmLease> {
  const { stack, mode, rotation, incident, takeOverLease: takeOver = "" } = run;
  const key = keyOf(run);
  const known = leases.get(key);
  if (known) return known;
  const lease = new RealmLease({
    admin: await hurriedAdminOf(run),
    holder: { run: thisRun, stack, mode, rotation, incident, who: whoRuns() },
    mode,
    rotation,
    takeOver,
    progress: progressOf("canary", run),
  });
  const first = leases.get(key) ?? lease;
  leases.set(key, first);
  return first;
}

function keyOf({ realm, mode, rotation, incident }: RunContext): string {
  return [realm, mode, rotation, incident].join(" ");
}

function whoRuns(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container's user may have no name.
    return hostname();
  }
}

/**
 * A client for whoever changes keys. In an emergency no request of it waits long for a node that hangs. Before each change
 * it sees that this run still has the lease of the realm, and that the engine is still there that it works for.
 */
export async function keyAdminOf(run: RunContext): Promise<KeycloakAdmin> {
  const beforeKeyChange = async () => {
    await seeEngine();
    await (await leaseOf(run)).hold();
  };
  return new KeycloakAdmin(await connection(), run.realm, { ...hurryIn(run.mode), beforeKeyChange });
}

/** Lets others change the realm's keys: nothing of this run will, unless it asks again. */
export async function releaseLease(run: RunContext): Promise<void> {
  const key = keyOf(run);
  const lease = leases.get(key);
  leases.delete(key);
  await lease?.release();
}
