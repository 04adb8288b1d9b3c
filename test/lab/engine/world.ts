import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type LabStack, openStack } from "../../../scripts/lab/stack.ts";

export interface Call {
  readonly method: string;
  readonly name: string;
  readonly edge: "start" | "end";
}

export function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}

/** A stack of a fixture, and the folder that stands for its outside world. Both are removed after the test. */
export class World {
  readonly stack: LabStack;
  readonly dir: string;
  readonly backendDir: string;

  private constructor(stack: LabStack, dir: string, backendDir: string) {
    this.stack = stack;
    this.dir = dir;
    this.backendDir = backendDir;
  }

  /** @param env added to the environment of every command */
  static async open(test: TestContext, name = "things", env: Record<string, string> = {}): Promise<World> {
    const root = await mkdtemp(join(tmpdir(), "lab-engine-"));
    const dir = join(root, "world");
    const backendDir = join(root, "backend");
    await mkdir(dir);
    const stack = await openStack({ projectDir: fixture(name), stack: "test", backendDir, env });
    test.after(async () => {
      await stack.dispose();
      await rm(root, { recursive: true, force: true });
    });
    return new World(stack, dir, backendDir);
  }

  /** Sets which things the program shall have. */
  async want(
    things: object[],
    more: Record<string, unknown> = {},
    secrets: Record<string, string> = {},
  ): Promise<void> {
    await this.stack.setConfig({ world: this.dir, things, ...more }, secrets);
  }

  /** The calls since the last look. */
  calls(): Call[] {
    const path = join(this.dir, "calls.log");
    const lines = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
    const fresh = lines.filter((line) => line !== "").slice(this.#seen);
    this.#seen += fresh.length;
    return fresh.map((line) => JSON.parse(line) as Call);
  }

  #seen = 0;

  /** As `calls`, but short: `create a`; only what changes the world. */
  changes(): string[] {
    const started = this.calls().filter(({ edge }) => edge === "start");
    return started
      .filter(({ method }) => ["create", "update", "delete"].includes(method))
      .map(({ method, name }) => `${method} ${name}`);
  }

  /** Ids of the things that exist. */
  things(): string[] {
    return readdirSync(this.dir)
      .filter((file) => file.endsWith(".thing"))
      .map((file) => file.slice(0, -".thing".length));
  }

  async behave(method: string, name: string, wish: string): Promise<void> {
    await writeFile(join(this.dir, `${method}-${name}.behaviour`), wish);
  }

  async vanish(id: string): Promise<void> {
    await rm(join(this.dir, `${id}.thing`));
  }

  /** The state of a thing; there may be several of a name while it is replaced. */
  async statesOf(name: string) {
    const { deployment } = await this.stack.export();
    return (deployment.resources ?? []).filter(({ urn }) => urn.endsWith(`::${name}`));
  }

  checkpoint(): string {
    const dir = join(this.backendDir, ".pulumi", "stacks");
    const files = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".json"),
    );
    return files.map((file) => readFileSync(join(dir, file), "utf8")).join("\n");
  }
}

/** Polls until the test holds. Fails after the deadline. */
export async function until(holds: () => boolean, what: string, deadlineMs = 60_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
