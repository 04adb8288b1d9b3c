import type { Mode } from "../base/run-context.ts";
import type { InternalKeyKind } from "../keys/internal-keys.ts";

export interface Emergency {
  mode: Mode;
  revoke: "none" | "all" | object;
  internalKeys: readonly InternalKeyKind[];
}

/**
 * What an emergency leaves open, a sentence each. Refresh tokens are signed with the realm's internal HMAC key, so
 * whoever has one goes on getting tokens of the new signing key. Pure.
 */
export function openHoles({ mode, revoke, internalKeys }: Emergency): string[] {
  if (mode !== "emergency" || revoke === "all" || internalKeys.includes("hmac")) return [];
  const whose = revoke === "none" ? "every session" : "every session but the listed ones";
  return [
    `stolen refresh tokens survive this rotation: ${whose} goes on getting tokens of the new key; sessions.revoke: all ends them, and so does internalKeys: [hmac], both of which make everyone log in again`,
  ];
}
