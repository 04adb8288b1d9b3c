import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { globalSetup, globalTeardown } from "./setup.ts";

// npm run test:campaign -- --minutes N: runs the sequences of test/drill/sequences.slow.ts with one fresh seed after the
// other, for N minutes at least, and stops at the first failure. Nothing else in the tests is random.

const usage = "npm run test:campaign -- --minutes N";
const sequences = fileURLToPath(new URL("./drill/sequences.slow.ts", import.meta.url));

function readMinutes(): number {
  const { values } = parseArgs({ options: { minutes: { type: "string" } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes must be a number above 0\n\n${usage}`);
  return minutes;
}

async function passes(seed: number): Promise<boolean> {
  const env = { ...process.env, SEQUENCE_SEED: String(seed) };
  const child = spawn(process.execPath, ["--test", sequences], { env, stdio: "inherit" });
  const [code] = await once(child, "exit");
  return code === 0;
}

async function campaign(minutes: number): Promise<void> {
  const end = Date.now() + minutes * 60_000;
  for (let round = 1; Date.now() < end; round += 1) {
    const seed = randomInt(2 ** 31);
    console.log(`\nround ${round}: SEQUENCE_SEED=${seed}`);
    if (await passes(seed)) continue;
    console.error(`\nFailed. To run the same again: SEQUENCE_SEED=${seed} npx node --test ${sequences}`);
    process.exitCode = 1;
    return;
  }
}

try {
  const minutes = readMinutes();
  await globalSetup();
  await campaign(minutes).finally(globalTeardown);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
