import { describeDuration } from "#operations/base/durations";
import type { CheckedConfig } from "#operations/config/inspect-stack";
import type { PlannedChange } from "#operations/keys/planned-change";
import type { Due } from "./due.ts";

type Relevant = Pick<CheckedConfig, "mode" | "sessions" | "internalKeys" | "freeze">;

/**
 * What the users of the realm will notice, a sentence each. Pure.
 *
 * @param due what an emergency has left to do beside the keys
 * @param tokenLifeMs how long a token of the realm may live
 */
export function noticedByUsers(
  config: Relevant,
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
      "Nothing, unless something has kept an access token for longer than the overlap: that token is refused.",
    ];
  const trustedForMs = changes.flatMap((change) =>
    change.kind === "passivate" ? [change.trustedForMs] : [],
  );
  const longest = Math.max(0, ...trustedForMs);
  if (trustedForMs.length > 0 && longest < tokenLifeMs)
    return [
      `Tokens of the old key are refused after ${describeDuration(longest)}, though they may live for ${describeDuration(tokenLifeMs)}: whoever has one is logged out, or has to refresh.`,
    ];
  const until =
    longest > 0 ? ` Tokens of the old key are accepted for another ${describeDuration(longest)}.` : "";
  return [`Nothing: nobody is logged out.${until}`];
}

function loginNotice({ sessions, internalKeys }: Relevant, disables: boolean, due: Due): string[] {
  if (
    (due.sessions && sessions.revoke === "all") ||
    (due.internalKeys && internalKeys.includes("hmac"))
  )
    return ["Everyone is logged out and logs in again."];
  const isSome = due.sessions && sessions.revoke !== "none";
  const some = isSome ? ["The listed users and sessions are logged out."] : [];
  const tokens = disables
    ? [
        "Access tokens of the old keys are refused at once: each client gets a new one with its refresh token, nobody else logs in again.",
      ]
    : [];
  return [...some, ...tokens];
}

function adminNotice({ freeze }: Relevant): string[] {
  if (freeze === "none" || freeze === "release") return [];
  return ["Administrators can't change anything until the rotation is verified."];
}
