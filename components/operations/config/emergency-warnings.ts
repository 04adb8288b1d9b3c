import type { Mode } from "../base/run-context.ts";
import type { InternalKeyKind } from "../keys/internal-keys.ts";

export interface EmergencyScope {
  mode: Mode;
  revoke: "none" | "all" | object;
  internalKeys: readonly InternalKeyKind[];
}

/**
 * What an emergency does not end, a sentence each. Refresh tokens are signed with the realm's internal HMAC key: whoever
 * has one keeps getting access tokens, signed with the new key. Pure.
 */
export function emergencyWarnings({ mode, revoke, internalKeys }: EmergencyScope): string[] {
  if (mode !== "emergency" || revoke === "all" || internalKeys.includes("hmac")) return [];
  const whose = revoke === "none" ? "every session" : "every session but the listed ones";
  return [
    `stolen refresh tokens survive this rotation: ${whose} can still get tokens of the new key; set sessions.revoke: all or internalKeys: [hmac] to end them (either makes everyone log in again)`,
  ];
}
