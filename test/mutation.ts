import { glob, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stryker } from "@stryker-mutator/core";

// npm run test:mutation [-- FILE…]: takes each condition out of the code that decides whether something is proven, one at a
// time, and fails where no test notices. Without files: all modules below. Which mutants: test/mutation.config.json.

/** Modules, and the tests that have to notice. They run once for each mutant, so they need neither a Keycloak nor a wait. */
interface Room {
  modules: string[];
  tests: string[];
}

/** The tests mirror the tree. */
function room(folder: string, ...names: string[]): Room {
  return {
    modules: names.map((name) => `components/operations/${folder}/${name}.ts`),
    tests: names.map((name) => `test/operations/${folder}/${name}.test.ts`),
  };
}

const rooms: Room[] = [
  room("evidence/check", "*"),
  room("proof", "ledger*", "ledger/**/*"),
  room("proof", "baseline-verdict", "for-the-keys-sake", "judge-baseline", "relapse", "spread"),
  room("proof", "live-token", "probe"),
  room("fleet", "processes"),
  room("keys", "death-marks", "kill-marks"),
];

/** It takes longer than all the other tests of its room together. */
const slowTest = "any changed byte";

const endings = ["Killed", "Timeout", "Survived", "NoCoverage", "RuntimeError", "CompileError"];

async function filesOf(patterns: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(patterns)) files.push(file);
  return files.toSorted();
}

/** @returns its mutants that were tried */
async function tryMutants(modules: string[], tests: readonly string[], directory: string) {
  const stryker = new Stryker({
    configFile: "test/mutation.config.json",
    mutate: modules,
    commandRunner: {
      command: `node --test --test-isolation=none --test-skip-pattern="${slowTest}" ${tests.join(" ")}`,
    },
    tempDirName: directory,
  });
  const mutants = await stryker.runMutationTest();
  return mutants.filter(({ status }) => endings.includes(status));
}

async function run(chosen: readonly string[], directory: string): Promise<void> {
  process.env.NODE_COMPILE_CACHE = join(directory, "compile");
  const tried: Awaited<ReturnType<typeof tryMutants>> = [];
  for (const { modules, tests } of rooms) {
    const files = (await filesOf(modules)).filter((file) => chosen.length === 0 || chosen.includes(file));
    if (files.length > 0) tried.push(...(await tryMutants(files, await filesOf(tests), directory)));
  }
  const survivors = tried.filter(({ status }) => status !== "Killed" && status !== "Timeout");
  console.log(`${tried.length} mutants, ${survivors.length} not killed`);
  if (survivors.length > 0 || tried.length === 0) process.exitCode = 1;
}

const directory = await mkdtemp(join(tmpdir(), "mutation-"));
await run(process.argv.slice(2), directory).finally(() => rm(directory, { recursive: true, force: true }));
