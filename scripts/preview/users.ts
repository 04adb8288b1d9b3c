import { describeDuration } from "#operations/durations";
import type { CheckedConfig } from "#operations/inspect-stack";
import type { PlannedChange } from "#operations/planned-change";

type Relevant = Pick<CheckedConfig, "mode" | "sessions" | "rotateInternalKeys" | "freeze">;

/** What the users of the realm will notice, a sentence each. Pure. */
export function noticedByUsers(config: Relevant, changes: readonly PlannedChange[]): string[] {
  if (changes.length === 0) return ["Nothing."];
  if (config.mode !== "emergency") return plannedNotice(changes);
  const disables = changes.some(({ kind }) => kind === "disable");
  return [...loginNotice(config, disables), ...adminNotice(config)];
}

function plannedNotice(changes: readonly PlannedChange[]): string[] {
  if (changes.some(({ kind }) => kind === "retire"))
    return [
      "Nothing, unless something has kept an access token for longer than the overlap: that token is refused.",
    ];
  const longest = Math.max(
    0,
    ...changes.flatMap((change) => (change.kind === "passivate" ? [change.trustedForMs] : [])),
  );
  const until =
    longest > 0 ? ` Tokens of the old key are accepted for another ${describeDuration(longest)}.` : "";
  return [`Nothing: nobody is logged out.${until}`];
}

function loginNotice({ sessions, rotateInternalKeys }: Relevant, disables: boolean): string[] {
  if (sessions.revoke === "all" || rotateInternalKeys.includes("hmac"))
    return ["Everyone is logged out and logs in again."];
  const some = sessions.revoke === "none" ? [] : ["The listed users and sessions are logged out."];
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
