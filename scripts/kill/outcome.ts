import type { RealmKey } from "#operations/keys/realm-keys";

/** How the kill of one realm has ended. */
export interface RealmOutcome {
  realm: string;
  /**
   * `proven`: the keys are dead, and every instance was proven. `nothing-left`: an earlier run has done it, and its evidence
   * has the proof. `not-proven`: they are dead, not everything is proven. `alive`: at least one is not known to be dead.
   */
  result: "proven" | "nothing-left" | "nothing-known" | "not-proven" | "alive";
  /** Kids that were to die and are disabled, or deleted. */
  dead: string[];
  /** Kids that were to die and are still trusted, or are not known to be dead. */
  alive: string[];
  /** Kids of the new keys; empty where it did not come to that. */
  newKids: string[];
  /** Milliseconds from the confirmation to the disabling of the last of them in this run; null where it disabled none. */
  timeToDeadMs: number | null;
  /** Path of the report; null where none was written. */
  report: string | null;
  /** SHA-256 of the bundle's SHA256SUMS, hex; null where it is not proven. */
  evidenceDigest: string | null;
  /** Why it is not proven; null where it is. */
  error: string | null;
}

/** What the whole command came to, as `--json` prints it. */
export interface KillOutcome {
  exitCode: 0 | 1 | 2;
  stack: string;
  incident: string;
  /** Null where it was refused before that was known. */
  rotation: number | null;
  realms: RealmOutcome[];
  /** Why nothing was touched, or some realms were not; empty where all were. */
  refused: string[];
  warnings: string[];
  /** The commands with which Pulumi catches up. */
  next: string[];
}

function isGreen(result: RealmOutcome["result"]): boolean {
  return result === "proven" || result === "nothing-left";
}

/** Exit code 0 is for everything proven in every realm. */
export function exitCodeOf(realms: readonly Pick<RealmOutcome, "result">[], refused: number): 0 | 1 {
  return refused === 0 && realms.every(({ result }) => isGreen(result)) ? 0 : 1;
}

/** What to set so that Pulumi knows what was done. */
export function catchUp(stack: string, rotation: number, incident: string): string[] {
  const set = [`rotation ${rotation}`, "mode emergency", `incident ${incident}`];
  return [...set.map((value) => `pulumi config set ${value} --stack ${stack}`), `pulumi up --stack ${stack}`];
}

/** Which of the keys that were to die are trusted now. Pure. */
export function deadAndAlive(
  dying: readonly RealmKey[],
  trustedNow: readonly string[] | undefined,
): Pick<RealmOutcome, "dead" | "alive"> {
  const kids = dying.map(({ kid }) => kid);
  // What can't be read is not known to be dead.
  const isAlive = (kid: string) => trustedNow === undefined || trustedNow.includes(kid);
  return { dead: kids.filter((kid) => !isAlive(kid)), alive: kids.filter(isAlive) };
}

/** How it has ended. Pure. */
export function resultOf({
  dead,
  alive,
  error,
  isCutOver,
}: Pick<RealmOutcome, "dead" | "alive" | "error"> & { isCutOver: boolean }): RealmOutcome["result"] {
  // Where nothing is known of any key, none is known to be dead.
  if (alive.length > 0 || (dead.length === 0 && !isCutOver)) return "alive";
  if (error !== null) return dead.length > 0 ? "not-proven" : "nothing-known";
  return dead.length > 0 ? "proven" : "nothing-left";
}

/** The outcome for a person who reads it at night: its last lines say how the keys are, and what to do. Pure. */
export function renderOutcome(outcome: KillOutcome): string {
  return [
    // A thousand instances may have failed: the state of the keys must not scroll away.
    ...outcome.realms.flatMap(({ realm, error }) => (error === null ? [] : ["", `Realm ${realm}: ${error}`])),
    "",
    ...outcome.realms.flatMap(renderRealm),
    ...outcome.refused.map((line) => `NOT TOUCHED: ${line}`),
    ...(outcome.warnings.length > 0
      ? ["", "Keep in mind:", ...outcome.warnings.map((line) => `  - ${line}`)]
      : []),
    "",
    ...nextSteps(outcome),
  ].join("\n");
}

const headlines: Record<RealmOutcome["result"], (realm: string) => string> = {
  proven: (realm) =>
    `GREEN  realm ${realm}: the old keys are dead, and every instance was proven to reject them`,
  "nothing-left": (realm) =>
    `GREEN  realm ${realm}: no key was left to disable. That the instances reject the old ones was proven by an earlier kill, not now: see [cut-over]`,
  "nothing-known": (realm) =>
    `RED    realm ${realm}: no key was left to disable, and nothing shows that the instances reject the old ones`,
  "not-proven": (realm) => `RED    realm ${realm}: THE OLD KEYS ARE DEAD; not everything is proven`,
  alive: (realm) => `RED    realm ${realm}: THE OLD KEYS ARE NOT ALL DEAD`,
};

function renderRealm({ realm, result, dead, alive, newKids, timeToDeadMs, ...rest }: RealmOutcome): string[] {
  const fast = timeToDeadMs === null ? "" : ` ${(timeToDeadMs / 1_000).toFixed(1)} s after the confirmation`;
  return [
    headlines[result](realm),
    ...(result === "alive"
      ? [`  still trusted, or not known to be dead: ${alive.join(", ") || "unknown"}`]
      : []),
    ...(dead.length > 0 ? [`  disabled: ${dead.join(", ")}${fast}`] : []),
    ...(newKids.length > 0 ? [`  new: ${newKids.join(", ")}`] : []),
    ...(rest.report === null ? [] : [`  report: ${rest.report}`]),
  ];
}

function nextSteps({ exitCode, realms, next }: KillOutcome): string[] {
  const again = "Run the same command again: it goes on where this one stopped.";
  if (realms.some(({ result }) => result === "alive")) return [`Fix what is named above. ${again}`];
  const catchingUp = [
    "As soon as Pulumi's backend is back, have Pulumi catch up; that `up` finds what was done here, and changes no key:",
    ...next.map((line) => `    ${line}`),
  ];
  if (exitCode === 0) return catchingUp;
  const onlyHere =
    "Do that before the `up`: only this command, on this machine, still has the canary tokens that prove it.";
  return [`Fix what is named above. ${again}`, onlyHere, ...catchingUp];
}
