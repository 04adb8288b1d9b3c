import type { Mode } from "../base/run-context.ts";
import type { AdminOptions } from "./keycloak-admin.ts";

/**
 * How long the first attempt of a request may take before a stolen key is dead, in milliseconds. A healthy Keycloak takes
 * a hundredth of it. Making an RSA key is not bound by it.
 */
export const hurriedMs = 3_000;

/** How a client of Keycloak behaves until the keys are disabled. */
export function hurryIn(mode: Mode): AdminOptions {
  return mode === "emergency" ? { firstTimeoutMs: hurriedMs } : {};
}
