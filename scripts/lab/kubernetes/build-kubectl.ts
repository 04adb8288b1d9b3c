import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheDir, madeOnce } from "../cache-dir.ts";
import { goMod } from "./build-programs.ts";
import { type GoOptions, go } from "./go-command.ts";
import { buildFlags, modules, versions } from "./versions.ts";

/** Gives a kubectl of the lab's version of Kubernetes, built from its Go module the first time. */
export async function builtKubectl(onProgress: (line: string) => void): Promise<string> {
  const home = await madeOnce(cacheDir("kubectl", versions.kubernetes), (directory) =>
    build(directory, onProgress),
  );
  return join(home, "kubectl");
}

async function build(directory: string, onProgress: (line: string) => void): Promise<void> {
  const options: GoOptions = {
    directory,
    onOutput: (lines, seconds) => onProgress(`kubectl: building, ${lines.length} packages, ${seconds} s`),
  };
  const output = await go(["mod", "download", "-json", modules.kubernetes], options);
  const source: string = JSON.parse(/"Dir": (".*")/.exec(output)?.[1] ?? '""');
  await writeFile(join(directory, "go.mod"), await goMod(source, [modules.kubernetes]));
  await go(["build", "-v", ...buildFlags, "-o", "kubectl", "k8s.io/kubernetes/cmd/kubectl"], options);
}
