import { describeDuration } from "../base/durations.ts";
import type { Mode } from "../base/run-context.ts";
import { isRevived, openKeys } from "../keys/death-marks.ts";
import { overlapEnd } from "../keys/overlap.ts";
import { describeKey, isTrusted, type RealmKey, rotationOf } from "../keys/realm-keys.ts";
import type { DriftCode, Finding, Severity } from "./finding.ts";
import type { KnownRealm } from "./known-realm.ts";

export interface KeyQuestion {
  stack: string;
  /** The mode in the config now; undefined where it can't be read. */
  mode: Mode | undefined;
  /** Days after which the newest rotation is too old. */
  maxKeyAgeDays: number;
  /** ISO 8601 UTC. */
  now: string;
}

const dayMs = 86_400_000;

/** Compares the realm's keys with what the last `up` has left. Pure. */
export function keyDrift(keys: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): Finding[] {
  const unfinishedKeys = keys.filter((key) => isTrusted(key) && isAhead(key, known));
  return [
    ...unfinishedRotation(unfinishedKeys, known, question),
    ...signerDrift(keys, known, question, unfinishedKeys),
    ...unexpectedKeys(keys, known, question),
    ...retiredEarly(keys, known, question),
    ...unproven(keys, known, question),
    ...retirement(keys, known, question),
    ...age(known, question),
  ];
}

/** Whether a key belongs to a rotation that no `up` has finished. */
function isAhead({ componentName }: RealmKey, { rotation }: KnownRealm): boolean {
  return (rotationOf(componentName) ?? 0) > rotation;
}

function unfinishedRotation(
  unfinishedKeys: readonly RealmKey[],
  known: KnownRealm,
  question: KeyQuestion,
): Finding[] {
  if (unfinishedKeys.length === 0) return [];
  const rotations = unfinishedKeys.map(({ componentName }) => rotationOf(componentName) ?? 0);
  return [
    finder(known)(
      "ROTATION_UNFINISHED",
      "critical",
      `rotation ${Math.max(...rotations)} was started and not finished; the realm has ${unfinishedKeys.map(describeKey).join(", ")}`,
      "some instances may know the new key and others not, and nothing is proven; if nobody started that update, somebody else created the key",
      `${up(question)}, with the config of the update that was started`,
    ),
  ];
}

/** Makes findings of one realm. */
function finder({ realm }: KnownRealm) {
  return (code: DriftCode, severity: Severity, what: string, means: string, fix: string): Finding => ({
    code,
    severity,
    realm,
    what,
    means,
    fix,
  });
}

/** The commands for the next rotation, in a mode in which it is not refused. */
function bump(keys: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): string {
  const end = overlapEnd(keys);
  const isOverlap = end !== undefined && end > question.now;
  if (isOverlap && question.mode !== "emergency") return rotateAtOnce(known, question);
  const mode = question.mode === "rollback" ? [set("mode planned", question)] : [];
  return [...mode, next(known, question), up(question)].join(" && ");
}

/** The commands for an emergency: a key that must not be trusted gets no overlap. */
function rotateAtOnce(known: KnownRealm, question: KeyQuestion): string {
  return [...emergency(question), next(known, question), up(question)].join(" && ");
}

function emergency(question: KeyQuestion): string[] {
  if (question.mode === "emergency") return [];
  return [set("mode emergency", question), set("incident INCIDENT", question)];
}

function next({ rotation }: KnownRealm, question: KeyQuestion): string {
  return set(`rotation ${rotation + 1}`, question);
}

function set(setting: string, { stack }: KeyQuestion): string {
  return `pulumi config set ${setting} --stack ${stack}`;
}

function up({ stack }: KeyQuestion): string {
  return `pulumi up --stack ${stack}`;
}

/** Whether the signing keys of the last `up` are still there and sign. */
function signerDrift(
  keys: readonly RealmKey[],
  known: KnownRealm,
  question: KeyQuestion,
  unfinishedKeys: readonly RealmKey[],
): Finding[] {
  const find = finder(known);
  const isSucceeded = (algorithm: string) =>
    unfinishedKeys.some((key) => key.algorithm === algorithm && key.signing);
  const expected = known.signers.filter(({ algorithm }) => !isSucceeded(algorithm));
  return expected.flatMap(({ kid, algorithm }) => {
    const name = `kid ${kid} (${algorithm})`;
    const key = keys.find((one) => one.kid === kid);
    const consequence =
      "tokens that it signed are refused, and Keycloak signs with another key or creates one of its own";
    if (!key)
      return [
        find(
          "KEY_MISSING",
          "critical",
          `${name}, the signing key, was deleted`,
          consequence,
          bump(keys, known, question),
        ),
      ];
    if (!isTrusted(key))
      return [
        find(
          "KEY_DISABLED",
          "critical",
          `${describeKey(key)}, the signing key, is disabled`,
          consequence,
          bump(keys, known, question),
        ),
      ];
    const rivals = keys.filter((one) => one !== key && isTrusted(one) && one.algorithm === algorithm);
    const above = rivals.filter(({ priority }) => priority >= key.priority);
    if (key.signing && key.status === "ACTIVE" && above.length === 0) return [];
    const how = key.signing
      ? `has priority ${key.priority}, which is not above that of`
      : "does not sign; above it:";
    const who = above.map(describeKey).join(", ") || "no other key";
    const means = "new tokens are, or may at any time be, signed with a key that is not meant to sign";
    const [unexpected] = above.filter((one) => isUnexpected(one, known));
    const fix = unexpected ? kill(unexpected, known, question) : up(question);
    return [find("KEY_NOT_SIGNING", "critical", `${describeKey(key)} ${how} ${who}`, means, fix)];
  });
}

/** Whether a key is trusted that should not be. */
function isUnexpected(key: RealmKey, known: KnownRealm): boolean {
  const { signers, passive, exemptKeys } = known;
  const expected = [...signers, ...passive].map(({ kid }) => kid);
  if (isAhead(key, known)) return false;
  return isTrusted(key) && !expected.includes(key.kid) && !exemptKeys.includes(key.componentName);
}

/** An `up` can disable a key and prove it where there are canary tokens of that key; only another rotation mints them. */
function kill(key: RealmKey, known: KnownRealm, question: KeyQuestion): string {
  // One that bears the mark of its retirement is disabled by any update.
  if (isRevived(key)) return up(question);
  const isProvable = known.canaries.some(({ kid, seen }) => kid === key.kid && seen.expiresAt > question.now);
  return isProvable ? [...emergency(question), up(question)].join(" && ") : rotateAtOnce(known, question);
}

/** Keys that are trusted but should not be. */
function unexpectedKeys(keys: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): Finding[] {
  return keys
    .filter((key) => isUnexpected(key, known))
    .map((key) => finder(known)(...describeUnexpected(key, keys, known, question)));
}

function describeUnexpected(
  key: RealmKey,
  keys: readonly RealmKey[],
  known: KnownRealm,
  question: KeyQuestion,
): Parameters<ReturnType<typeof finder>> {
  const name = describeKey(key);
  if (key.componentName.startsWith("fallback-")) {
    const means = `a client asks for ${key.algorithm}, which is not in algorithms, so its tokens are signed with a key that no rotation retires`;
    const fix = `add ${key.algorithm} to algorithms in the stack's config, then ${bump(keys, known, question)}`;
    return ["KEY_FALLBACK", "critical", `${name} was created by Keycloak itself`, means, fix];
  }
  const fix = kill(key, known, question);
  const danger = "can sign tokens that are accepted";
  const isRetired = known.retired.some(({ kid }) => kid === key.kid);
  if (isRevived(key) || isRetired || rotationOf(key.componentName) !== undefined) {
    const what = `${name} was retired and is trusted again`;
    return ["KEY_ENABLED_AGAIN", "critical", what, `whoever has that key ${danger}`, fix];
  }
  const what = `${name} is trusted, but was not created by this stack`;
  return ["KEY_UNMANAGED", "critical", what, `whoever added it ${danger}`, fix];
}

/** Dead keys of which nobody has shown that the instances refuse them, whoever has disabled or deleted them. */
function unproven(keys: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): Finding[] {
  const isGone = ({ kid }: { kid: string }) => !keys.some((key) => key.kid === kid);
  const gone = known.retired.filter((key) => isGone(key) && !known.closed.includes(key.kid));
  const find = (key: Pick<RealmKey, "kid" | "algorithm" | "componentName">, what: string) =>
    finder(known)(
      "KEY_NOT_PROVEN",
      "critical",
      `${describeKey(key)} is ${what}, and nobody has shown that the instances refuse it`,
      "whoever has that key may be able to log in where it is still in a cache",
      `${up(question)}, which asks every instance or names those that must be restarted; or close the key by name with acknowledge`,
    );
  return [
    ...openKeys(keys).map((key) => find(key, "disabled")),
    ...gone.map((key) => find(key, "not in the realm any more")),
  ];
}

/** Passive keys whose trust ended before their overlap did. */
function retiredEarly(keys: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): Finding[] {
  return known.passive
    .filter(({ kid }) => !keys.some((key) => key.kid === kid && isTrusted(key)))
    .map(({ kid, algorithm, componentName }) =>
      finder(known)(
        "KEY_RETIRED_EARLY",
        "warning",
        `${describeKey({ kid, algorithm, componentName })} is no longer trusted, although its overlap has not ended`,
        "users with a token that it signed are refused until they get a new one",
        `can't be undone, since a disabled key is never enabled again; ${up(question)} asks every instance about it`,
      ),
    );
}

function retirement(keys: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): Finding[] {
  const end = overlapEnd(keys);
  const left = keys.filter((key) => isTrusted(key) && known.passive.some(({ kid }) => kid === key.kid));
  if (end === undefined || end > question.now || left.length === 0) return [];
  const lateMs = Date.parse(question.now) - Date.parse(end);
  const isOverdue = lateMs > dayMs;
  return [
    finder(known)(
      isOverdue ? "RETIREMENT_OVERDUE" : "RETIREMENT_DUE",
      "warning",
      `${left.map(describeKey).join(", ")}: the overlap ended at ${end} (${describeDuration(lateMs)} ago)`,
      "the old key is trusted for longer than necessary",
      up(question),
    ),
  ];
}

function age(known: KnownRealm, question: KeyQuestion): Finding[] {
  const ageMs = Date.parse(question.now) - Date.parse(known.activatedAt);
  if (!(ageMs > question.maxKeyAgeDays * dayMs)) return [];
  return [
    finder(known)(
      "KEY_TOO_OLD",
      "warning",
      `rotation ${known.rotation} is ${describeDuration(ageMs)} old, and maxKeyAgeDays is ${question.maxKeyAgeDays}`,
      "a rotation that is not rehearsed may fail when it is needed",
      [set("mode planned", question), next(known, question), up(question)].join(" && "),
    ),
  ];
}
