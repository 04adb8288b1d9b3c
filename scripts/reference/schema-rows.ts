import { z } from "zod";

/** The parts of a key's JSON Schema that the reference shows. */
const node = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  required: z.array(z.string()).optional(),
  get items() {
    return node.optional();
  },
  get anyOf() {
    return z.array(node).optional();
  },
  get properties() {
    return z.record(z.string(), node).optional();
  },
});
export type SchemaNode = z.infer<typeof node>;

/** A row in a table of keys. */
export interface Row {
  key: string;
  values: string;
  /** `required`, the default, or empty where there is none. */
  initial: string;
  meaning: string;
}

/** The input side of a shape as JSON Schema, without what only code expresses. */
export function schemaOf(shape: z.ZodType): SchemaNode {
  return node.parse(z.toJSONSchema(shape, { io: "input", unrepresentable: "any" }));
}

/** A row for each key of an object, and for each below it: `secret`, `secret.name`. */
export function rowsOf(schema: SchemaNode, prefix = ""): Row[] {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([key, child]) => {
    const own: Row = {
      key: `${prefix}${key}`,
      values: valuesOf(child),
      initial: required.includes(key) ? "required" : initialOf(child),
      meaning: child.description ?? "",
    };
    const objects = [child, ...(child.anyOf ?? [])].filter(({ properties: below }) => below !== undefined);
    return [own, ...objects.flatMap((object) => rowsOf(object, `${prefix}${key}.`))];
  });
}

function valuesOf({ type, items, anyOf, ...rest }: SchemaNode): string {
  const fixed = rest.enum ?? (rest.const === undefined ? undefined : [rest.const]);
  if (fixed) return fixed.map((value) => `\`${String(value)}\``).join(", ");
  if (anyOf) return anyOf.map(valuesOf).join(", or ");
  if (type === "array") return `list${items?.type === undefined ? "" : ` of ${valuesOf(items)}`}`;
  if (type === "integer" || type === "number") return numbers(type, rest);
  return type ?? "";
}

function numbers(type: "integer" | "number", { minimum, exclusiveMinimum, maximum }: SchemaNode): string {
  const from = minimum ?? (exclusiveMinimum === undefined ? undefined : `more than ${exclusiveMinimum}`);
  const noun = type === "integer" ? "whole number" : "number";
  if (from === undefined && maximum === undefined) return noun;
  return `${noun}, ${from ?? "any"} to ${maximum ?? "any"}`;
}

/** A default that is too long to read, such as a long pattern, is shown as `built in`. */
function initialOf(schema: SchemaNode): string {
  if (schema.default === undefined || schema.properties) return "";
  const text = JSON.stringify(schema.default);
  return text.length > 60 ? "built in" : `\`${text.replace(/^"(.*)"$/, "$1")}\``;
}
