import type { ConfigDeclaration, Project } from "./project.ts";
import { type ConfigNode, isSecureValue } from "./stack-config.ts";
import { StackFileError, unreadable } from "./stack-file-error.ts";

/** A config value as the program gets it: a string, or JSON for lists and objects. */
export interface ConfigValue {
  readonly text: string;
  readonly secret: boolean;
}

export type ConfigValues = ReadonlyMap<string, ConfigValue>;

interface Resolved {
  readonly node: ConfigNode;
  readonly secret: boolean;
}

function resolve(node: ConfigNode, decrypt: (ciphertext: string) => string): Resolved {
  if (isSecureValue(node)) return { node: decrypt(node.secure), secret: true };
  if (typeof node !== "object" || node === null) return { node, secret: false };
  const entries = Object.entries(node).map(([key, inner]): [string, Resolved] => [
    key,
    resolve(inner, decrypt),
  ]);
  const secret = entries.some(([, inner]) => inner.secret);
  const plain = entries.map(([key, inner]): [string, ConfigNode] => [key, inner.node]);
  return { node: Array.isArray(node) ? plain.map(([, inner]) => inner) : Object.fromEntries(plain), secret };
}

function fitsType(node: ConfigNode, type: string, items: ConfigDeclaration["items"]): boolean {
  switch (type) {
    case "string":
      return typeof node !== "object";
    case "integer":
      return typeof node !== "object" && /^[-+]?\d+$/.test(String(node));
    case "boolean":
      return node === true || node === false || node === "true" || node === "false";
    case "array":
      return (
        Array.isArray(node) &&
        (items === undefined || node.every((item) => fitsType(item, items.type, undefined)))
      );
    case "object":
      return typeof node === "object" && node !== null && !Array.isArray(node);
    default:
      throw unreadable(`unknown type '${type}' in the config of Pulumi.yaml`);
  }
}

function quoted(keys: string[]): string {
  const names = keys.map((key) => `'${key}'`);
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function checkValue(stack: string, key: string, declared: ConfigDeclaration, value: Resolved): void {
  const problem = (text: string): StackFileError =>
    new StackFileError(`Stack '${stack}' with configuration key '${key}' ${text}`);
  if (declared.secret === true && !value.secret) throw problem("must be encrypted as it's secret");
  if (declared.type === undefined) return;
  if (fitsType(value.node, declared.type, declared.items)) return;
  const items = declared.items === undefined ? "" : `<${declared.items.type}>`;
  throw problem(`must be of type '${declared.type}${items}'`);
}

function toText(node: ConfigNode): string {
  return typeof node === "object" && node !== null ? JSON.stringify(node) : String(node);
}

/**
 * Merges the stack's values with the project's declarations, as the CLI does: a declared key of the project's
 * own namespace needs a value or a default; types are checked for values that the stack sets.
 */
export function configValues(
  project: Project,
  stack: string,
  nodes: Record<string, ConfigNode>,
  decrypt: (ciphertext: string) => string,
): ConfigValues {
  const values = new Map<string, Resolved>();
  for (const [key, node] of Object.entries(nodes)) {
    values.set(key.includes(":") ? key : `${project.name}:${key}`, resolve(node, decrypt));
  }
  const short = (key: string): string =>
    key.startsWith(`${project.name}:`) ? key.slice(project.name.length + 1) : key;
  const missing: string[] = [];
  for (const [key, declared] of Object.entries(project.config).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const value = values.get(key);
    const fallback = declared.value ?? declared.default;
    if (value !== undefined) checkValue(stack, short(key), declared, value);
    else if (fallback !== undefined) values.set(key, { node: fallback as ConfigNode, secret: false });
    else if (key.startsWith(`${project.name}:`)) missing.push(short(key));
  }
  if (missing.length > 0) {
    const noun = missing.length > 1 ? "values" : "value";
    throw new StackFileError(`Stack '${stack}' is missing configuration ${noun} ${quoted(missing)}`);
  }
  return new Map([...values].map(([key, { node, secret }]) => [key, { text: toText(node), secret }]));
}
