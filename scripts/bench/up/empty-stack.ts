import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type LabStack, openStack } from "../../lab/stack.ts";

const projectDir = fileURLToPath(new URL("./empty-program", import.meta.url));

export interface EmptyStack {
  stack: LabStack;
  remove: () => Promise<void>;
}

/** The stack of a program that does nothing, on the same engine: what any update costs. */
export async function openEmptyStack(): Promise<EmptyStack> {
  const backendDir = await mkdtemp(join(tmpdir(), "empty-program-"));
  const removeDirectory = () => rm(backendDir, { recursive: true, force: true });
  try {
    const stack = await openStack({ projectDir, stack: "empty", backendDir });
    await mustSucceed(stack);
    const remove = async () => {
      await stack.dispose();
      await removeDirectory();
    };
    return { stack, remove };
  } catch (error) {
    await removeDirectory();
    throw error;
  }
}

async function mustSucceed(stack: LabStack): Promise<void> {
  const { exitCode, output } = await stack.up();
  if (exitCode !== 0) throw new Error(output);
}
