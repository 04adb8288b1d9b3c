import { describeDuration } from "../base/durations.ts";
import type { Mode } from "../base/run-context.ts";
import { overlapEnd } from "../keys/overlap.ts";
import { describeKey, isTrusted, type RealmKey, rotationOf } from "../keys/realm-keys.ts";
import type { DriftCode, Finding, Severity } from "./finding.ts";
import type { KnownRealm } from "./known-realm.ts";

export interface KeyQuestion {
  stack: string;
  /** That the config asks for now; undefined where it can't be read. */
  mode: Mode | undefined;
  /** Days after which the newest rotation is too old. */
  maxKeyAgeDays: number;
  /** ISO 8601 UTC. */
  now: string;
}

const dayMs = 86_400_000;

/** Compares the realm's keys with what the last `up` has left. Pure. */
export function keyDrift(keys: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): Finding[] {
  const begun = keys.filter((key) => isTrusted(key) && isAhead(key, known));
  return [
    ...unfinished(begun, known, question),
    ...signerDrift(keys, known, question, begun),
    ...strangers(keys, known, question),
    ...retiredEarly(keys, known),
    ...retirement(keys, known, question),
    ...age(known, question),
  ];
}

/** Whether a key is of a rotation that no `up` has brought to its end. */
function isAhead({ componentName }: RealmKey, { rotation }: KnownRealm): boolean {
  return (rotationOf(componentName) ?? 0) > rotation;
}

function unfinished(begun: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): Finding[] {
  if (begun.length === 0) return [];
  const rotations = begun.map(({ componentName }) => rotationOf(componentName) ?? 0);
  return [
    finder(known)(
      "ROTATION_UNFINISHED",
      "critical",
      `rotation ${Math.max(...rotations)} was begun and not brought to its end; the realm has ${begun.map(describeKey).join(", ")}`,
      "some instances may know the new key and others not, and nothing is proven; where no up was begun, somebody else has made that key",
      `${up(question)}, with the config of the run that was begun`,
    ),
  ];
}

/** Makes findings of one realm. */
function finder({ realm }: KnownRealm) {
  return (code: DriftCode, severity: Severity, what: string, means: string, mend: string): Finding => ({
    code,
    severity,
    realm,
    what,
    means,
    mend,
  });
}

/** Asks for the next rotation, in a mode in which it is not refused. */
function bump(keys: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): string {
  const end = overlapEnd(keys);
  const isOverlap = end !== undefined && end > question.now;
  if (isOverlap && question.mode !== "emergency") return rotateAtOnce(known, question);
  const mode = question.mode === "rollback" ? [set("mode planned", question)] : [];
  return [...mode, next(known, question), up(question)].join(" && ");
}

/** A key that nobody may have is not left to an overlap. */
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

/** The keys that are to sign: whether they are there, and do. */
function signerDrift(
  keys: readonly RealmKey[],
  known: KnownRealm,
  question: KeyQuestion,
  begun: readonly RealmKey[],
): Finding[] {
  const find = finder(known);
  const isSucceeded = (algorithm: string) => begun.some((key) => key.algorithm === algorithm && key.signing);
  const expected = known.signers.filter(({ algorithm }) => !isSucceeded(algorithm));
  return expected.flatMap(({ kid, algorithm }) => {
    const name = `kid ${kid} (${algorithm})`;
    const key = keys.find((one) => one.kid === kid);
    const lost =
      "tokens that it signed are refused, and Keycloak signs with another key or makes one of its own";
    if (!key)
      return [
        find(
          "KEY_MISSING",
          "critical",
          `${name}, which is to sign, is deleted`,
          lost,
          bump(keys, known, question),
        ),
      ];
    if (!isTrusted(key))
      return [
        find(
          "KEY_DISABLED",
          "critical",
          `${describeKey(key)}, which is to sign, is disabled`,
          lost,
          bump(keys, known, question),
        ),
      ];
    const rivals = keys.filter((one) => one !== key && isTrusted(one) && one.algorithm === algorithm);
    const above = rivals.filter(({ priority }) => priority >= key.priority);
    if (key.signing && key.status === "ACTIVE" && above.length === 0) return [];
    const how = key.signing
      ? `shares its priority ${key.priority} with, or is below,`
      : "does not sign; above it is";
    const who = above.map(describeKey).join(", ") || "no other key";
    const means = "new tokens are, or may at any time be, signed with a key that was not meant to sign";
    const [stranger] = above.filter((one) => isStranger(one, known));
    const mend = stranger ? kill(stranger, known, question) : up(question);
    return [find("KEY_NOT_SIGNING", "critical", `${describeKey(key)} ${how} ${who}`, means, mend)];
  });
}

/** Whether a key is trusted that should not be. */
function isStranger(key: RealmKey, known: KnownRealm): boolean {
  const { signers, passive, exemptKeys } = known;
  const expected = [...signers, ...passive].map(({ kid }) => kid);
  if (isAhead(key, known)) return false;
  return isTrusted(key) && !expected.includes(key.kid) && !exemptKeys.includes(key.componentName);
}

/** An `up` can kill a key and prove its death where it has canaries of it; only another rotation mints them. */
function kill(key: RealmKey, known: KnownRealm, question: KeyQuestion): string {
  const isProvable = known.canaries.some(({ kid, seen }) => kid === key.kid && seen.expiresAt > question.now);
  return isProvable ? [...emergency(question), up(question)].join(" && ") : rotateAtOnce(known, question);
}

/** Keys that are trusted and should not be. */
function strangers(keys: readonly RealmKey[], known: KnownRealm, question: KeyQuestion): Finding[] {
  return keys
    .filter((key) => isStranger(key, known))
    .map((key) => finder(known)(...describeStranger(key, keys, known, question)));
}

function describeStranger(
  key: RealmKey,
  keys: readonly RealmKey[],
  known: KnownRealm,
  question: KeyQuestion,
): Parameters<ReturnType<typeof finder>> {
  const name = describeKey(key);
  if (key.componentName.startsWith("fallback-")) {
    const means = `a client asks for ${key.algorithm}, which is not in algorithms, so that its tokens are signed with a key that no rotation retires`;
    const mend = `add ${key.algorithm} to algorithms in the stack's config, then ${bump(keys, known, question)}`;
    return ["KEY_FALLBACK", "critical", `${name} was made by Keycloak itself`, means, mend];
  }
  const mend = kill(key, known, question);
  const whoever = "can sign tokens that are accepted";
  if (known.retired.some(({ kid }) => kid === key.kid) || rotationOf(key.componentName) !== undefined) {
    const what = `${name} was retired, and is trusted again`;
    return ["KEY_ENABLED_AGAIN", "critical", what, `whoever has that key ${whoever}`, mend];
  }
  const what = `${name} is trusted, and this stack has not made it`;
  return ["KEY_UNMANAGED", "critical", what, `whoever has added it ${whoever}`, mend];
}

/** Passive keys that were to be trusted for longer. */
function retiredEarly(keys: readonly RealmKey[], known: KnownRealm): Finding[] {
  return known.passive
    .filter(({ kid }) => !keys.some((key) => key.kid === kid && isTrusted(key)))
    .map(({ kid, algorithm, componentName }) =>
      finder(known)(
        "KEY_RETIRED_EARLY",
        "warning",
        `${describeKey({ kid, algorithm, componentName })} is no longer trusted, though it was to be until its overlap is over`,
        "users whose token it has signed are refused until they get another one",
        "nothing can undo it: a disabled key is never enabled again; the first up after the end of its overlap settles it",
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
      `${left.map(describeKey).join(", ")}: the overlap is over since ${end} (${describeDuration(lateMs)})`,
      "the old key is trusted for longer than anybody needs it",
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
      "what nobody has rehearsed for long does not work when it must",
      [set("mode planned", question), next(known, question), up(question)].join(" && "),
    ),
  ];
}
