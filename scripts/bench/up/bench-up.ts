import { availableParallelism } from "node:os";
import { startKeycloak } from "../../lab/keycloak.ts";
import { openEmptyStack } from "./empty-stack.ts";
import type { Freeze } from "./freezes.ts";
import { measureUp, type UpResult } from "./measure-up.ts";
import type { UpQuestion } from "./up-scenario.ts";

export interface UpBenchOptions {
  /** Instances that answer, a row for each number. */
  instances: readonly number[];
  /** Instances that hang beside the first of those numbers, a row for each. */
  hanging: readonly number[];
  freeze: Freeze;
  /** Emergencies a row; one where instances hang. */
  rounds: number;
}

/** What `--json` writes. */
export interface UpBenchResult {
  node: string;
  platform: string;
  cpus: number;
  engine: string;
  rows: UpResult[];
}

/** Measures whole emergencies on a real Keycloak, and beside each the same of an empty program on the same engine. */
export async function benchUp(options: UpBenchOptions): Promise<UpBenchResult> {
  const keycloak = await startKeycloak({ forManyRealms: true });
  // Every row's scenario finds it there.
  process.env.LAB_KEYCLOAK_URL = keycloak.url;
  process.env.LAB_KEYCLOAK_ADMIN_CLIENT_ID = keycloak.adminClientId;
  process.env.LAB_KEYCLOAK_ADMIN_CLIENT_SECRET = keycloak.adminClientSecret;
  try {
    const { stack, remove } = await openEmptyStack();
    try {
      const rows: UpResult[] = [];
      for (const question of questions(options)) {
        process.stderr.write(`${question.answering} instances answer, ${question.hanging} hang …\n`);
        rows.push(await measureUp(question, stack, question.hanging > 0 ? 1 : options.rounds));
      }
      const { version: node, platform } = process;
      return { node, platform, cpus: availableParallelism(), engine: stack.engine, rows };
    } finally {
      await remove();
    }
  } finally {
    await keycloak.stop();
  }
}

/** The rows: each number of instances that answer, and each number that hang beside the first of them. */
export function questions({ instances, hanging, freeze }: UpBenchOptions): UpQuestion[] {
  const [first = 5] = instances;
  return [
    ...instances.map((answering) => ({ answering, hanging: 0, freeze })),
    ...hanging.filter((count) => count > 0).map((count) => ({ answering: first, hanging: count, freeze })),
  ];
}
