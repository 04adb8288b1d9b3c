import { existsSync } from "node:fs";
import { tokenKey } from "#operations/fleet/api-refresh-token";
import { connectionKeys } from "#operations/keycloak/connection";
import { configValues } from "../stack-file/config-values.ts";
import type { Crypter } from "../stack-file/passphrase.ts";
import { type Project, readProject } from "../stack-file/project.ts";
import { Secrets } from "../stack-file/secrets.ts";
import { type ConfigNode, hasSecure, StackConfigFile } from "../stack-file/stack-config.ts";
import { StackFileError } from "../stack-file/stack-file-error.ts";
import type { KillOptions } from "./options.ts";
import { Refused } from "./refused.ts";

/** What the stack's config file says, with its secrets. Stays in memory. */
export interface StackValues {
  /** The namespace of the program's own keys. */
  project: string;
  /** Values by full key, with the project's defaults: text, or JSON for lists and objects. */
  values: Readonly<Record<string, string>>;
  /** What is left out because it can't be opened, a sentence each. */
  warnings: string[];
}

/** Keys without which the kill does its work: each with what is lost. */
const dispensable: Record<string, string> = {
  notify: "no notification is sent",
  evidence: "the evidence is not signed",
  apiRefreshToken: "the instances can't be refreshed with it",
  "kubernetes:kubeconfig": "the default kubeconfig is used",
};

/**
 * Reads a stack's config as Pulumi would, from its file alone: no backend is asked. What the passphrase does not open is
 * taken from the environment.
 *
 * @throws {Refused} for a missing or unreadable file, and for each secret that can't be opened and is needed
 */
export async function stackValues(
  { stack, projectDir, configFile }: Pick<KillOptions, "stack" | "projectDir" | "configFile">,
  env: NodeJS.ProcessEnv,
): Promise<StackValues> {
  try {
    const project = readProject(projectDir);
    const file = StackConfigFile.of(projectDir, stack, configFile);
    if (!existsSync(file.path)) throw new Refused([`stack ${stack} has no config file: check --stack`]);
    return await openValues(project, stack, file, env);
  } catch (error) {
    if (error instanceof StackFileError) throw new Refused([error.message]);
    throw error;
  }
}

async function openValues(
  project: Project,
  stack: string,
  file: StackConfigFile,
  env: NodeJS.ProcessEnv,
): Promise<StackValues> {
  const nodes = file.values();
  const secret = Object.keys(nodes).filter((key) => hasSecure(nodes[key] ?? null));
  const opened = secret.length > 0 ? await crypterFor(file, env) : undefined;
  const [kept, problems, warnings] = [{ ...nodes }, [] as string[], [] as string[]];
  for (const key of secret) {
    if (opened?.crypter) continue;
    const name = shortName(key, project.name);
    const { value, variable } = fromEnvironment(name, project.name, env);
    delete kept[key];
    if (value !== undefined) kept[key] = value;
    else if (name in dispensable)
      warnings.push(
        `${name} can't be opened (${opened?.reason}), so ${dispensable[name]}; set ${variable} to give it`,
      );
    else problems.push(`${name} can't be opened (${opened?.reason}): set ${variable}, or the passphrase`);
  }
  if (problems.length > 0) throw new Refused(problems);
  const decrypt = (text: string) => opened?.crypter?.decrypt(text) ?? "";
  const values = configValues(project, stack, kept, decrypt);
  return {
    project: project.name,
    values: Object.fromEntries([...values].map(([key, { text }]) => [key, text])),
    warnings,
  };
}

type Opened = { crypter: Crypter; reason?: never } | { crypter?: never; reason: string };

/** The passphrase's key; other secrets providers are asked through the backend's login, which may be down. */
async function crypterFor(file: StackConfigFile, env: NodeJS.ProcessEnv): Promise<Opened> {
  const { salt } = file;
  if (salt === undefined) return { reason: "its secrets provider is not a passphrase" };
  try {
    return { crypter: await new Secrets(env).crypter(salt) };
  } catch (error) {
    if (error instanceof StackFileError) return { reason: error.message };
    return { reason: "the passphrase file can't be read" };
  }
}

/** The program's own keys without their namespace. */
function shortName(key: string, project: string): string {
  return key.startsWith(`${project}:`) ? key.slice(project.length + 1) : key;
}

/**
 * Where a value that can't be opened is looked for: in Keycloak's and the API's own variables, otherwise in one that is
 * named as the key, such as JWKS_BREAK_GLASS_NOTIFY.
 */
function fromEnvironment(name: string, project: string, env: NodeJS.ProcessEnv) {
  const variable = variableOf(name, project);
  const value: ConfigNode | undefined = env[variable] || undefined;
  return { variable, value };
}

function variableOf(name: string, project: string): string {
  if (name === "apiRefreshToken") return tokenKey;
  const [namespace = "", key = ""] = name.split(":");
  const known = namespace === "keycloak" ? connectionKeys[key]?.env : undefined;
  const full = name.includes(":") ? name : `${project}:${name}`;
  return (
    known ??
    full
      .replace(/([a-z])([A-Z])/g, "$1_$2")
      .replace(/\W+/g, "_")
      .toUpperCase()
  );
}

/** The values of one namespace by their short keys, without those that are empty. */
export function namespaceOf({ values }: StackValues, namespace: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([key, value]) => key.startsWith(`${namespace}:`) && value !== "")
      .map(([key, value]) => [key.slice(namespace.length + 1), value]),
  );
}
