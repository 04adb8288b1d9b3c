import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { StackFileError, unreadable } from "./stack-file-error.ts";

const declaration = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  default: z.json().optional(),
  value: z.json().optional(),
  secret: z.boolean().optional(),
  items: z.looseObject({ type: z.string() }).optional(),
});

const projectFile = z.looseObject({
  name: z.string(),
  main: z.string().optional(),
  runtime: z.union([
    z.string(),
    z.looseObject({ name: z.string(), options: z.record(z.string(), z.json()).optional() }),
  ]),
  config: z.record(z.string(), z.union([declaration, z.string(), z.number(), z.boolean()])).optional(),
});

export type ConfigDeclaration = z.infer<typeof declaration>;

export interface Project {
  readonly name: string;
  /** Folder of `Pulumi.yaml`. */
  readonly dir: string;
  /** What the language host is told to run, relative to `dir`. */
  readonly main: string;
  readonly options: Record<string, unknown>;
  readonly config: Record<string, ConfigDeclaration>;
}

function findProjectFile(cwd: string): string {
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    for (const name of ["Pulumi.yaml", "Pulumi.yml"]) {
      if (existsSync(join(dir, name))) return join(dir, name);
    }
    if (dirname(dir) === dir) {
      throw new StackFileError(`no Pulumi.yaml project file found (searching upwards from ${resolve(cwd)})`);
    }
  }
}

/** Reads the project file of `cwd` or of a folder above. */
export function readProject(cwd: string): Project {
  const path = findProjectFile(cwd);
  const result = projectFile.safeParse(parse(readFileSync(path, "utf8")));
  if (!result.success) {
    throw unreadable(`could not load ${path}: ${z.prettifyError(result.error)}`);
  }
  const { name, main = ".", runtime, config = {} } = result.data;
  const language = typeof runtime === "string" ? runtime : runtime.name;
  if (language !== "nodejs")
    throw new StackFileError(`the local engine runs nodejs programs only, not ${language}`);
  const options = typeof runtime === "string" ? {} : (runtime.options ?? {});
  // The short form, `key: value`, is a default for the key.
  const declarations = Object.entries(config).map(([key, given]): [string, ConfigDeclaration] => [
    key.includes(":") ? key : `${name}:${key}`,
    typeof given === "object" ? given : { value: given },
  ]);
  return { name, dir: dirname(path), main, options, config: Object.fromEntries(declarations) };
}
