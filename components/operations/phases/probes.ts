import { messageOf } from "../base/errors.ts";
import { report } from "../base/report.ts";
import { removeProbeClients } from "../canaries/probe-clients.ts";
import { adminOf, type Step } from "./phase-request.ts";

/** Removes the probe clients of a stack that is about to be forgotten. Never throws: what it can't remove it says. */
export async function forgetProbes({ realm }: Pick<Step, "realm">): Promise<void> {
  try {
    await removeProbeClients(await adminOf({ realm }));
  } catch (error) {
    report("canary", `the probe clients of realm ${realm} are left: ${messageOf(error)}`);
  }
}
