import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { builtKubectl } from "../../lab/kubernetes/build-kubectl.ts";
import { hasGo } from "../../lab/kubernetes/go-command.ts";

/** A kubectl, and what it says that it is. */
export interface Kubectl {
  path: string;
  version: string;
}

const run = promisify(execFile);

/** Finds kubectl on PATH, else builds it once; undefined where there is no Go to build it with. */
export async function findKubectl(onProgress: (line: string) => void): Promise<Kubectl | undefined> {
  const found = await asKubectl("kubectl");
  if (found) return found;
  return (await hasGo()) ? asKubectl(await builtKubectl(onProgress)) : undefined;
}

async function asKubectl(path: string): Promise<Kubectl | undefined> {
  try {
    const { stdout } = await run(path, ["version", "--client", "--output=json"], { timeout: 30_000 });
    const { clientVersion }: { clientVersion?: { gitVersion?: string } } = JSON.parse(stdout);
    return { path, version: clientVersion?.gitVersion ?? "unknown" };
  } catch {
    return undefined;
  }
}
