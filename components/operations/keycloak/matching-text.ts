import { randomInt } from "node:crypto";

const lower = "abcdefghijklmnopqrstuvwxyz";
const upper = lower.toUpperCase();
const digits = "0123456789";
const special = "-._!@#%*";

/** Kinds of characters, as password policies tell them apart. */
export const characters = { lower, upper, digits, special } as const;

export type CharacterKind = keyof typeof characters;

/** How many of each kind a text has at the least. */
export type Counts = Partial<Record<CharacterKind, number>>;

/** From the richest to the poorest: the first that fits is the best. */
const alphabets: readonly (readonly CharacterKind[])[] = [
  ["lower", "upper", "digits", "special"],
  ["lower", "upper", "digits"],
  ["lower", "upper"],
  ["lower", "digits"],
  ["upper", "digits"],
  ["lower"],
  ["upper"],
  ["digits"],
];

/** A random text of a length, with so many characters of each kind and the rest of the given kinds. */
export function randomText(length: number, kinds: readonly CharacterKind[], counts: Counts = {}): string {
  const demanded = Object.entries(counts).flatMap(([kind, count]) =>
    Array.from({ length: count }, () => oneOf(characters[kind as CharacterKind])),
  );
  const all = kinds.map((kind) => characters[kind]).join("");
  const rest = Array.from({ length: Math.max(0, length - demanded.length) }, () => oneOf(all));
  return shuffled([...demanded, ...rest]).join("");
}

function oneOf(text: string): string {
  return text.charAt(randomInt(text.length));
}

function shuffled(items: string[]): string[] {
  const left = [...items];
  return items.map(() => left.splice(randomInt(left.length), 1).join(""));
}

/**
 * Keycloak's patterns are Java's and match the whole text. One that JavaScript can't read is left to Keycloak.
 *
 * @returns undefined where it can't be read
 */
export function wholeMatch(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    return undefined;
  }
}

/** Random texts that are tried for each alphabet and length. */
const tries = 10;

/**
 * Looks for a random text that matches, by trying: it finds what simple patterns ask for, and nothing for others.
 *
 * @param lengths from `longest` down to `shortest`
 */
export function matchingText(
  pattern: RegExp,
  lengths: { longest: number; shortest: number },
  counts: Counts = {},
): string | undefined {
  const demanded = Object.entries(counts).filter(([, count]) => count > 0);
  const fitting = alphabets.filter((kinds) => demanded.every(([kind]) => kinds.some((one) => one === kind)));
  for (const kinds of fitting) {
    for (let length = lengths.longest; length >= lengths.shortest; length -= 1) {
      const found = candidates(length, kinds, counts).find((text) => pattern.test(text));
      if (found !== undefined) return found;
    }
  }
  return demanded.length > 0 ? undefined : matchingCode(pattern, lengths);
}

function candidates(length: number, kinds: readonly CharacterKind[], counts: Counts): string[] {
  return Array.from({ length: tries }, () => shaped(randomText(length, kinds, counts))).flat();
}

/** The text, and the same with the capitals, the letters or the digits first. */
function shaped(text: string): string[] {
  const order = (first: RegExp) =>
    [...text].toSorted((a, b) => Number(first.test(b)) - Number(first.test(a))).join("");
  return [text, order(/[A-Z]/), order(/[A-Za-z]/), order(/[0-9]/)];
}

/** A name or a code: so many characters of one kind, and then others. */
function matchingCode(
  pattern: RegExp,
  { longest, shortest }: { longest: number; shortest: number },
): string | undefined {
  const parts: readonly (readonly [CharacterKind, CharacterKind])[] = [
    ["upper", "lower"],
    ["upper", "digits"],
    ["lower", "digits"],
    ["digits", "upper"],
  ];
  for (const [first, second] of parts) {
    for (let length = longest; length >= shortest; length -= 1) {
      for (let head = 1; head < length; head += 1) {
        const text = `${randomText(head, [first])}${randomText(length - head, [second])}`;
        if (pattern.test(text)) return text;
      }
    }
  }
  return undefined;
}
