import { describeDuration } from "#operations/base/durations";
import type { CheckedConfig } from "#operations/config/inspect-stack";
import type { PlannedChange } from "#operations/keys/planned-change";
import type { Due } from "./due.ts";

type UserFacingConfig = Pick<CheckedConfig, "mode" | "sessions" | "internalKeys" | "freeze">;

/**
 * What the users of the realm will notice, a sentence each. Pure.
 *
 * @param due which other actions of an emergency are still due
 * @param tokenLifeMs the longest lifetime of a token in the realm, in milliseconds
 */
export function noticedByUsers(
  config: UserFacingConfig,
  changes: readonly PlannedChange[],
  due: Due,
  tokenLifeMs: number,
): string[] {
  if (config.mode !== "emergency") return plannedNotice(changes, tokenLifeMs);
  const disables = changes.some(({ kind }) => kind === "disable");
  const noticed = [...loginNotice(config, disables, due), ...(due.freeze ? adminNotice(config) : [])];
  return noticed.length > 0 ? noticed : ["Nothing."];
}

function plannedNotice(changes: readonly PlannedChange[], tokenLifeMs: number): string[] {
  if (changes.length === 0) return ["Nothing."];
  if (changes.some(({ kind }) => kind === "retire"))
    return [
      "Nothing, unless a client kept an access token for longer than the overlap: that token is refused.",
    ];
  const trustedForMs = changes.flatMap((change) =>
    change.kind === "passivate" ? [change.trustedForMs] : [],
  );
  const longest = Math.max(0, ...trustedForMs);
  if (trustedForMs.length > 0 && longest < tokenLifeMs)
    return [
      `Tokens of the old key are refused after ${describeDuration(longest)}, although they are valid for up to ${describeDuration(tokenLifeMs)}: their users are logged out, or their clients have to refresh.`,
    ];
  const until =
    longest > 0 ? ` Tokens of the old key are accepted for another ${describeDuration(longest)}.` : "";
  return [`Nothing: nobody is logged out.${until}`];
}

function loginNotice({ sessions, internalKeys }: UserFacingConfig, disables: boolean, due: Due): string[] {
  if ((due.sessions && sessions.revoke === "all") || (due.internalKeys && internalKeys.includes("hmac")))
    return ["Everyone is logged out and has to log in again."];
  const isSome = due.sessions && sessions.revoke !== "none";
  const listed = isSome ? ["The listed users and sessions are logged out."] : [];
  const tokens = disables
    ? [
        `Access tokens of the old keys are refused at once: clients get a new one with their refresh token, and nobody${isSome ? " else" : ""} has to log in again.`,
      ]
    : [];
  return [...listed, ...tokens];
}

function adminNotice({ freeze }: UserFacingConfig): string[] {
  if (freeze === "none" || freeze === "release") return [];
  return ["Administrators can't change anything until the rotation is verified."];
}
