import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type GoOptions, go } from "./go-command.ts";
import { buildFlags, modules, programs, versions } from "./versions.ts";

const stages = [
  "node/fast/node-initialize.yaml",
  "pod/fast/pod-ready.yaml",
  "pod/fast/pod-complete.yaml",
  "pod/fast/pod-delete.yaml",
];
const definitions = ["kwok.x-k8s.io_portforwards.yaml", "kwok.x-k8s.io_logs.yaml"];

type Progress = (line: string) => void;

/** Builds every program into `bin/` of a directory, and copies what KWOK needs of its module. */
export async function buildPrograms(directory: string, onProgress: Progress): Promise<void> {
  onProgress(`Kubernetes ${versions.kubernetes}: building it from its Go modules (once, about five minutes)`);
  const workspace = join(directory, "build");
  await mkdir(workspace);
  const [kubernetes, kwok] = await downloadModules(workspace, onProgress);
  await writeFile(join(workspace, "go.mod"), await goMod(kubernetes, Object.values(modules)));
  await compile(workspace, join(directory, "bin"), onProgress);
  await copyInto(join(directory, "stages"), join(kwok, "kustomize", "stage"), stages);
  await copyInto(join(directory, "definitions"), join(kwok, "kustomize", "crd", "bases"), definitions);
  await rm(workspace, { recursive: true });
}

/** The directories of the modules of Kubernetes and of KWOK. */
async function downloadModules(workspace: string, onProgress: Progress): Promise<[string, string]> {
  const options: GoOptions = {
    directory: workspace,
    onOutput: (_, seconds) => onProgress(`Kubernetes: downloading modules, ${seconds} s`),
  };
  const output = await go(["mod", "download", "-json", modules.kubernetes, modules.kwok], options);
  const found = [...output.matchAll(/"Dir": (".*")/g)].map(([, dir = '""']): string => JSON.parse(dir));
  const [kubernetes, kwok] = found;
  if (!kubernetes || !kwok) throw new Error(`go mod download named no directory:\n${output.slice(-2000)}`);
  return [kubernetes, kwok];
}

/**
 * A go.mod that requires Kubernetes and what else is given, as `module@version`. Kubernetes requires its staging modules
 * at v0.0.0, in its own tree: they are replaced with the published ones.
 *
 * @param kubernetes directory of its module
 */
export async function goMod(kubernetes: string, required: readonly string[]): Promise<string> {
  const own = await readFile(join(kubernetes, "go.mod"), "utf8");
  const staging = [...own.matchAll(/^\s*(\S+) => \.\/staging\//gm)].map(([, name]) => name);
  const published = versions.kubernetes.replace(/^1\./, "v0.");
  const directives = own.split("\n").filter((line) => /^(go|godebug) /.test(line));
  return [
    "module lab",
    ...directives,
    ...required.map((module) => `require ${module.replace("@", " ")}`),
    ...staging.map((name) => `replace ${name} => ${name} ${published}`),
    "",
  ].join("\n");
}

/** The module cache is read-only. Copies of its files must be writable, or the lab's cache could not be deleted. */
async function copyInto(target: string, source: string, files: readonly string[]): Promise<void> {
  await mkdir(target);
  for (const file of files) await writeFile(join(target, basename(file)), await readFile(join(source, file)));
}

async function compile(workspace: string, bin: string, onProgress: Progress): Promise<void> {
  const packages = Object.values(programs);
  const listing = await go(["list", "-deps", ...packages], {
    directory: workspace,
    onOutput: (lines, seconds) =>
      onProgress(`Kubernetes: resolving modules, ${lines.length} so far, ${seconds} s`),
  });
  const total = listing.split("\n").filter((line) => !line.startsWith("go: ")).length;
  await mkdir(bin);
  await go(["build", "-v", ...buildFlags, "-o", `${bin}/`, ...packages], {
    directory: workspace,
    onOutput: (lines, seconds) =>
      onProgress(`Kubernetes: compiled ${lines.length} of at most ${total} packages, ${seconds} s`),
  });
  // What is built from a module's root is named after its directory.
  await rename(join(bin, "server"), join(bin, "etcd"));
}
