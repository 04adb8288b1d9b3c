import { type ManyInstances, startManyInstances } from "../../lab/many-instances.ts";
import { bootScenario, type ScenarioCore, type Undo } from "../../lab/scenario-boot.ts";
import type { Freeze } from "./freezes.ts";

/** The fleet of one row. */
export interface UpQuestion {
  /** Instances that answer. */
  answering: number;
  /** Instances that accept connections and never answer, from the first emergency on. */
  hanging: number;
  freeze: Freeze;
}

export interface UpScenario extends Pick<ScenarioCore<never>, "stack" | "evidenceDir"> {
  many: ManyInstances;
}

/** Longer than the budget: the key's death must be the budget's doing. What comes after it is kept short. */
const besideHanging = {
  refresh: { attempts: 1, timeoutSeconds: 1, concurrency: 256 },
  probe: { attempts: 1, timeoutSeconds: 6, watchSeconds: 0 },
};

/** A stack whose realm has been adopted by a green rotation 1, over instances of one process. */
export async function openUpScenario(
  { answering, hanging, freeze }: UpQuestion,
  undo: Undo,
): Promise<UpScenario> {
  let many: ManyInstances | undefined;
  const { stack, evidenceDir } = await bootScenario(
    { config: { freeze, probe: { watchSeconds: 0 }, ...(hanging > 0 ? besideHanging : {}) } },
    async ({ issuer, apiRefreshToken }) => {
      many = await startManyInstances({ count: answering + hanging, issuer, apiRefreshToken });
      const { instances, stop } = many;
      const fleet = { instances: [], list: async () => [], stop };
      return { fleet, config: { targets: instances }, secrets: { apiRefreshToken } };
    },
    undo,
  );
  if (!many) throw new Error("no instances were started");
  await stack.setConfig({ rotation: 1, incident: "BENCH-1" });
  const adopted = await stack.up();
  if (adopted.exitCode !== 0) throw new Error(adopted.output);
  many.hang(hanging);
  return { stack, evidenceDir, many };
}
