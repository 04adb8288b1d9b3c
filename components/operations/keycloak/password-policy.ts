import { type CharacterKind, type Counts, matchingText, randomText, wholeMatch } from "./matching-text.ts";

/** What a realm's password policy says of the text itself; the other rules hold for any random text. */
interface PasswordRules {
  shortest: number;
  longest: number;
  counts: Counts;
  pattern?: RegExp | undefined;
}

/** A password is this long where the policy allows it. */
const usualLength = 47;

/** Keycloak's own limit where the policy has none, and its least counts where a rule has no number. */
const defaults: Record<string, number> = { length: 8, maxLength: 64 };

const kinds: Record<string, CharacterKind> = {
  digits: "digits",
  lowerCase: "lower",
  upperCase: "upper",
  specialChars: "special",
};

/**
 * A random password that satisfies a realm's password policy, as far as that can be known: a pattern is met by trying.
 * It has one of each kind of character where the policy leaves room for it.
 *
 * @param policy as Keycloak writes it, such as `length(12) and digits(2)`
 */
export function passwordFor(policy: string | undefined): string {
  const { shortest, longest, counts, pattern } = rulesOf(policy ?? "");
  const demanded = sumOf(counts);
  const least = Math.max(shortest, demanded);
  const usual = Math.max(least, Math.min(usualLength, longest));
  if (pattern) {
    const found = matchingText(pattern, { longest: usual, shortest: Math.max(1, demanded) }, counts);
    if (found !== undefined) return found;
  }
  const richer = withEachKind(counts);
  return randomText(usual, ["lower", "upper", "digits", "special"], sumOf(richer) <= usual ? richer : counts);
}

function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function withEachKind(counts: Counts): Counts {
  const each = Object.values(kinds).map((kind) => [kind, Math.max(1, counts[kind] ?? 0)]);
  return Object.fromEntries(each);
}

function rulesOf(policy: string): PasswordRules {
  const rules: PasswordRules = { shortest: 8, longest: Number.POSITIVE_INFINITY, counts: {} };
  // As Keycloak reads it, which splits a pattern that has " and " in it, too.
  for (const rule of policy.split(" and ")) {
    const [, name = "", value = ""] = /^\s*(\w+)(?:\((.*)\))?\s*$/s.exec(rule) ?? [];
    const number = Number.parseInt(value, 10);
    const kind = kinds[name];
    if (kind) rules.counts[kind] = Number.isNaN(number) ? 1 : number;
    else if (name === "regexPattern") rules.pattern = wholeMatch(value);
    else if (name === "length") rules.shortest = Number.isNaN(number) ? (defaults.length ?? 8) : number;
    else if (name === "maxLength") rules.longest = Number.isNaN(number) ? (defaults.maxLength ?? 64) : number;
  }
  return rules;
}
