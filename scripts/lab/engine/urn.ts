export const STACK_TYPE = "pulumi:pulumi:Stack";
const PROVIDER_PREFIX = "pulumi:providers:";

export interface UrnParts {
  readonly stack: string;
  readonly project: string;
  /** The types of the ancestors and the resource, joined with `$`. */
  readonly qualifiedType: string;
  readonly type: string;
  readonly name: string;
}

export function parseUrn(urn: string): UrnParts {
  const [stack = "", project = "", qualifiedType = "", ...name] = urn.replace(/^urn:pulumi:/, "").split("::");
  const type = qualifiedType.split("$").at(-1) ?? "";
  return { stack, project, qualifiedType, type, name: name.join("::") };
}

/** The URN of a resource. Children of the stack don't carry its type. */
export function makeUrn(stack: string, project: string, parent: string, type: string, name: string): string {
  const parentType = parent === "" ? "" : parseUrn(parent).qualifiedType;
  const prefix = parentType === "" || parentType === STACK_TYPE ? "" : `${parentType}$`;
  return `urn:pulumi:${stack}::${project}::${prefix}${type}::${name}`;
}

export function isProviderType(type: string): boolean {
  return type.startsWith(PROVIDER_PREFIX);
}

export function providerType(packageName: string): string {
  return PROVIDER_PREFIX + packageName;
}

/** `random` for both `random:index/randomBytes:RandomBytes` and `pulumi:providers:random`. */
export function packageOf(type: string): string {
  return isProviderType(type) ? type.slice(PROVIDER_PREFIX.length) : (type.split(":")[0] ?? "");
}

export function isDefaultProvider(urn: string): boolean {
  const { type, name } = parseUrn(urn);
  return isProviderType(type) && (name === "default" || name.startsWith("default_"));
}

/** Splits a provider reference, `<urn>::<id>`. */
export function parseProviderReference(reference: string): { urn: string; id: string } {
  const cut = reference.lastIndexOf("::");
  return { urn: reference.slice(0, cut), id: reference.slice(cut + 2) };
}
