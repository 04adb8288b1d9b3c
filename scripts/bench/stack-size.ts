import { stat } from "node:fs/promises";
import { join } from "node:path";
import { startManyInstances } from "../lab/many-instances.ts";
import { bootScenario, unwind } from "../lab/scenario-boot.ts";

export interface StackSize {
  instances: number;
  /** Of the checkpoint file after a green emergency. */
  checkpointBytes: number;
  /** Lines of `pulumi preview --diff` for a bump of `rotation`. */
  diffLines: number;
  diff: string;
}

/** What a stack's state weighs, and how long the diff is that a reviewer reads. */
export async function measureStackSize(count: number): Promise<StackSize> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const core = await bootScenario(
      { config: { emergency: { budgetSeconds: 60 }, probe: { watchSeconds: 0 } } },
      async ({ issuer, apiRefreshToken }) => {
        const many = await startManyInstances({ count, issuer, apiRefreshToken });
        const fleet = { instances: [], list: async () => [], stop: () => many.stop() };
        return { fleet, config: { targets: many.instances }, secrets: { apiRefreshToken } };
      },
      undo,
    );
    const { stack, directory } = core;
    await stack.setConfig({ rotation: 1, incident: "INC-1" });
    const first = await stack.up();
    if (first.exitCode !== 0) throw new Error(first.output);
    await stack.setConfig({ rotation: 2, incident: "INC-2" });
    const up = await stack.up();
    if (up.exitCode !== 0) throw new Error(up.output);
    await stack.setConfig({ rotation: 3, incident: "INC-3" });
    const { stdout } = await stack.preview(["--diff"]);
    const file = join(directory, "backend", ".pulumi", "stacks", "jwks-break-glass", "drill.json");
    const { size } = await stat(file);
    return {
      instances: count,
      checkpointBytes: size,
      diffLines: stdout.trimEnd().split("\n").length,
      diff: stdout,
    };
  } finally {
    await unwind(undo);
  }
}

if (import.meta.main) {
  const count = Number(process.argv[2] ?? 1000);
  const { diff, ...size } = await measureStackSize(count);
  console.log(diff);
  console.log(JSON.stringify(size));
}
