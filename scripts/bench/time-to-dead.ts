import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { evidenceSchema } from "#operations/evidence/evidence-schema";
import { type ManyInstances, startManyInstances } from "../lab/many-instances.ts";
import { bootScenario, unwind } from "../lab/scenario-boot.ts";

export interface KillQuestion {
  instances: number;
  /** How many of them accept connections and never answer. */
  hanging: number;
  freeze?: "none" | "api" | "keycloak" | "both";
}

export interface KillTimes extends KillQuestion {
  /** Milliseconds from the start of the engine to the old key's disabling at Keycloak. */
  timeToDeadMs: number;
  /** From the disabling to the last instance's proof; undefined where one is unproven. */
  windowMs: number | undefined;
  /** The whole `up`. */
  wholeMs: number;
  verified: boolean;
}

/** Rotates in an emergency over many instances, of which some hang, and takes the time. */
export async function measureKill(question: KillQuestion): Promise<KillTimes> {
  const { instances: count, hanging, freeze = "none" } = question;
  const undo: (() => Promise<unknown>)[] = [];
  let many: ManyInstances | undefined;
  try {
    const core = await bootScenario(
      {
        config: {
          freeze,
          refresh: { attempts: 1, timeoutSeconds: 1, concurrency: 256 },
          probe: { attempts: 1, timeoutSeconds: 1 },
        },
      },
      async ({ issuer, apiRefreshToken }) => {
        many = await startManyInstances({ count, issuer, apiRefreshToken });
        const { instances, stop } = many;
        const fleet = { instances: [], list: async () => [], stop };
        return { fleet, config: { targets: instances }, secrets: { apiRefreshToken } };
      },
      undo,
    );
    await core.stack.setConfig({ rotation: 1, incident: "INC-1" });
    const adopted = await core.stack.up();
    if (adopted.exitCode !== 0) throw new Error(adopted.output);
    many?.hang(hanging);
    await core.stack.setConfig({ rotation: 2, incident: "INC-2" });
    const startedAt = Date.now();
    await core.stack.up();
    const wholeMs = Date.now() - startedAt;
    const file = join(core.evidenceDir, "INC-2", "2", "evidence.json");
    const { retired, outcome, exposureWindow } = evidenceSchema.parse(
      JSON.parse(await readFile(file, "utf8")),
    );
    const deadAt = Math.max(...retired.map(({ disabledAt }) => Date.parse(disabledAt)));
    return {
      ...question,
      timeToDeadMs: deadAt - startedAt,
      windowMs: exposureWindow?.ms,
      wholeMs,
      verified: outcome === "verified",
    };
  } finally {
    await unwind(undo);
  }
}

if (import.meta.main) {
  const [instances = 45, hanging = 40] = process.argv.slice(2, 4).map(Number);
  const [, , , , freeze = "none"] = process.argv;
  console.log(
    JSON.stringify(
      await measureKill({ instances, hanging, freeze: freeze as NonNullable<KillQuestion["freeze"]> }),
    ),
  );
}
