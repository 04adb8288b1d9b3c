import { errorCodes } from "#operations/base/error-codes";
import { realmEntry, settingsShape } from "#operations/config/settings-shape";
import { staticInstance, targetShapes } from "#operations/config/target-shape";
import { connectionKeys } from "#operations/keycloak/connection";
import { type Row, rowsOf, type SchemaNode, schemaOf } from "./schema-rows.ts";

/** Pulumi.yaml's own description of a key. */
export type Described = Readonly<Record<string, { description: string; default?: unknown }>>;

/** The reference of config keys and error codes, in Markdown, generated from what the program itself uses. */
export function renderReference(described: Described): string {
  const parts = [
    "# Reference",
    "Generated from the source by `npm run reference`; a test checks that it is up to date. The program checks all of its config keys at once, before anything is touched.",
    "## Config keys",
    summary(described),
    ...Object.keys(described).flatMap((key) => section(key, described)),
    "## Keycloak connection",
    "Read from the `keycloak:` namespace, as for `@pulumi/keycloak`, or from the environment.",
    table(["key", "environment", "meaning"], keycloakRows()),
    "## Error codes",
    "A message is `CODE: what happened. Next: what to do.` Codes are stable: alerts may match on them.",
    table(["code", "what has happened", "what to do"], codeRows()),
  ];
  return `${parts.join("\n\n")}\n`;
}

function summary(described: Described): string {
  const rows = Object.entries(described).map(([key, entry]) => [
    `[\`${key}\`](#${key.toLowerCase()})`,
    initial(entry),
  ]);
  return table(["key", "default"], rows);
}

function initial({ default: value, description }: Described[string]): string {
  if (/\bRequired\.$/.test(description)) return "required";
  if (value === "" || value === undefined) return "not set";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function section(key: string, described: Described): string[] {
  const { description = "" } = described[key] ?? {};
  const details = detailsOf(key).map(({ lead, schema }) => `${lead}${rowTable(rowsOf(schema))}`);
  return [`### ${key}`, description.trim(), ...details];
}

/** Lists of targets and realms have entries of several forms, which are described here one by one. */
function detailsOf(key: string): { lead: string; schema: SchemaNode }[] {
  if (key === "targets")
    return [
      { lead: "An instance by URL, which may also be the URL alone:\n\n", schema: schemaOf(staticInstance) },
      ...Object.values(targetShapes).map(({ heading, shape }) => ({
        lead: `${heading}:\n\n`,
        schema: schemaOf(shape),
      })),
    ];
  if (key === "realm")
    return [
      {
        lead: "One of several realms, which may also be given by its name alone:\n\n",
        schema: schemaOf(realmEntry),
      },
    ];
  const schema = schemaOf(settingsShape).properties?.[key];
  return schema?.properties ? [{ lead: "", schema }] : [];
}

function rowTable(rows: readonly Row[]): string {
  const cells = rows.map(({ key, values, initial: given, meaning }) => [
    `\`${key}\``,
    values,
    given,
    meaning,
  ]);
  return table(["key", "values", "default", "meaning"], cells);
}

function keycloakRows(): string[][] {
  return Object.entries(connectionKeys).map(([key, { env, meaning }]) => [
    `\`keycloak:${key}\``,
    env === undefined ? "" : `\`${env}\``,
    meaning,
  ]);
}

function codeRows(): string[][] {
  return Object.entries(errorCodes).map(([code, { means, next }]) => [`\`${code}\``, means, next]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
