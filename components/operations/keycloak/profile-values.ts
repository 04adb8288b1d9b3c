import { z } from "zod";
import { matchingText, wholeMatch } from "./matching-text.ts";

const limit = z.coerce.number().optional().catch(undefined);
const limits = z.looseObject({ min: limit, max: limit });

const validations = z.looseObject({
  options: z.looseObject({ options: z.array(z.string()) }).optional(),
  length: limits.optional(),
  integer: limits.optional(),
  double: limits.optional(),
  pattern: z.looseObject({ pattern: z.string() }).optional(),
  multivalued: limits.optional(),
  email: z.unknown().optional(),
  uri: z.unknown().optional(),
  "iso-date": z.unknown().optional(),
});
type Validations = z.infer<typeof validations>;

/** An attribute of a realm's user profile. */
export const profileAttribute = z.looseObject({
  name: z.string(),
  required: z.looseObject({}).nullish(),
  validations: z.record(z.string(), z.unknown()).nullish(),
});
export type ProfileAttribute = z.infer<typeof profileAttribute>;

/** What the user is called; it is used where it satisfies the profile. */
export interface OwnNames {
  username: string;
  /** Its domain gives way to one that the profile demands. */
  email: string;
}

/** Values by attribute; most have one. */
export type ProfileValues = Record<string, string[]>;

/**
 * A value for each attribute that a realm demands of its users, as far as its validations can be satisfied by us.
 * Attributes that are not demanded get none.
 */
export function profileValues(attributes: readonly ProfileAttribute[], own: OwnNames): ProfileValues {
  const demanded = attributes.filter(({ name, required }) => required && name !== "username");
  return Object.fromEntries(demanded.map((attribute) => [attribute.name, valuesOf(attribute, own)]));
}

function valuesOf(attribute: ProfileAttribute, own: OwnNames): string[] {
  const asked = validations.parse(attribute.validations ?? {});
  const value = textOf(attribute.name, asked, own);
  const count = Math.max(1, asked.multivalued?.min ?? 1);
  const options = asked.options?.options ?? [];
  return Array.from(
    { length: count },
    (_, index) => options[index] ?? (index === 0 ? value : `${value}${index}`),
  );
}

/** The address that a user of ours gets; it may have to be of a domain that the profile demands. */
export function emailFor(attributes: readonly ProfileAttribute[], own: OwnNames): string {
  const email = attributes.find(({ name }) => name === "email");
  return textOf("email", validations.parse(email?.validations ?? {}), own);
}

const usualNames: Record<string, string> = { firstName: "JWKS break-glass", lastName: "admin probe" };
const usualText = "jwks-break-glass";

function textOf(name: string, asked: Validations, own: OwnNames): string {
  const [option] = asked.options?.options ?? [];
  if (option !== undefined) return option;
  if (asked.integer) return withinLimits(asked.integer);
  if (asked.double) return withinLimits(asked.double);
  const pattern = asked.pattern && wholeMatch(asked.pattern.pattern);
  const usual = usualValue(name, asked, own);
  if (!pattern || pattern.test(usual)) return usual;
  return otherValue(pattern, asked, own) ?? usual;
}

function withinLimits({ min, max }: { min?: number | undefined; max?: number | undefined }): string {
  return String(min ?? Math.min(1, max ?? 1));
}

function usualValue(name: string, asked: Validations, own: OwnNames): string {
  if (name === "email" || asked.email !== undefined) return own.email;
  if (asked.uri !== undefined) return "https://jwks-break-glass.invalid/";
  if (asked["iso-date"] !== undefined) return "2000-01-01";
  const { min = 1, max = 255 } = asked.length ?? {};
  return (usualNames[name] ?? usualText).slice(0, max).trimEnd().padEnd(min, "x");
}

/** Values that people fill in where a pattern asks for something of its own. */
function otherValue(pattern: RegExp, asked: Validations, own: OwnNames): string | undefined {
  const domain = /@((?:[\w-]|\\?\.|\\-)+)/.exec(asked.pattern?.pattern ?? "")?.[1]?.replaceAll("\\", "");
  const known = [
    ...(domain ? [`${own.username}@${domain}`, `${own.username.replace(/\W/g, "")}@${domain}`] : []),
    ...(asked.email === undefined ? [] : [own.email]),
    ...Array.from({ length: 16 }, (_, index) => `+${"4917012345678901".slice(0, index + 1)}`),
    "12345",
    "2000-01-01",
    "00000000-0000-4000-8000-000000000000",
  ];
  const { min = 1, max = 40 } = asked.length ?? {};
  const fits = (text: string) => pattern.test(text) && text.length >= min && text.length <= max;
  return known.find(fits) ?? matchingText(pattern, { longest: Math.min(max, 40), shortest: min });
}
