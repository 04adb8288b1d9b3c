import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import writeFileAtomic from "write-file-atomic";
import { EngineError, EXIT } from "../engine-error.ts";
import type { DeploymentV3 } from "./checkpoint.ts";

export interface StackName {
  readonly project: string;
  readonly stack: string;
}

/** Pulumi's file backend: one JSON file a stack below `<root>/.pulumi`. */
export class Backend {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The backend of `PULUMI_BACKEND_URL`, which must be a `file://` URL. */
  static fromEnv(env: NodeJS.ProcessEnv): Backend {
    const url = env.PULUMI_BACKEND_URL;
    if (url === undefined || !url.startsWith("file://")) {
      throw new EngineError("the local engine needs PULUMI_BACKEND_URL=file://DIR", EXIT.configuration);
    }
    const path = url.replace(/^file:\/\/~/, `file://${homedir()}`);
    return new Backend(path.startsWith("file:///") ? fileURLToPath(path) : path.slice("file://".length));
  }

  checkpointPath({ project, stack }: StackName): string {
    return join(this.root, ".pulumi", "stacks", project, `${stack}.json`);
  }

  lockDir({ project, stack }: StackName): string {
    return join(this.root, ".pulumi", "locks", "organization", project, stack);
  }

  exists(name: StackName): boolean {
    return existsSync(this.checkpointPath(name));
  }

  /** The last deployment; undefined for a stack that was never deployed. */
  async read(name: StackName): Promise<DeploymentV3 | undefined> {
    if (!this.exists(name)) throw stackNotFound(name);
    const file = JSON.parse(await readFile(this.checkpointPath(name), "utf8")) as CheckpointFile;
    return file.checkpoint.latest;
  }

  /** Replaces the checkpoint in one step: after a crash there is the old file or the new one, never half of one. */
  async write(name: StackName, latest: DeploymentV3 | undefined): Promise<void> {
    const path = this.checkpointPath(name);
    const stack = `organization/${name.project}/${name.stack}`;
    const file: CheckpointFile = { version: 3, checkpoint: { stack, ...(latest && { latest }) } };
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, `${JSON.stringify(file, undefined, 4)}\n`, { mode: 0o600 });
  }

  /** Makes an empty stack. The meta file tells the CLI that stacks are kept by project. */
  async create(name: StackName): Promise<void> {
    if (this.exists(name)) throw new EngineError(`stack '${name.stack}' already exists`);
    await this.write(name, undefined);
    const meta = join(this.root, ".pulumi", "meta.yaml");
    if (!existsSync(meta)) await writeFileAtomic(meta, "version: 1\n");
  }

  async remove(name: StackName): Promise<void> {
    await rm(this.checkpointPath(name), { force: true });
  }
}

interface CheckpointFile {
  version: number;
  checkpoint: { stack: string; latest?: DeploymentV3 };
}

export function stackNotFound({ stack }: StackName): EngineError {
  return new EngineError(`no stack named '${stack}' found`, EXIT.stackNotFound);
}
