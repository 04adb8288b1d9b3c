import { rmSync } from "node:fs";
import { access, glob, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stryker } from "@stryker-mutator/core";

// npm run test:mutation [-- FILE…]: takes each condition out of the code that decides whether something is proven, one at a
// time, and fails where no test notices. Without files: all modules below. Which mutants: test/mutation.config.json.

/**
 * Modules, each with the tests that have to notice: those in its own test file, or where it has none, in `tests`. They run
 * once for each mutant, so they need neither a Keycloak nor a wait.
 */
interface Room {
  modules: string;
  tests: string;
  /** What has to notice beside a module's own tests. Default: nothing. */
  alsoBy?: string;
}

const rooms: Room[] = [
  {
    modules: "evidence/check/{proofs,rejections}",
    tests: "evidence/check/check-bundle",
    alsoBy: "evidence/check/ledger",
  },
  { modules: "evidence/check/!(proofs|rejections)", tests: "evidence/check/check-bundle" },
  { modules: "proof/{ledger*,ledger/**/*}", tests: "proof/{ledger*,ledger/**/*}" },
  { modules: "proof/{baseline-verdict,for-the-keys-sake,judge-baseline,live-token}", tests: "proof/verify" },
  { modules: "proof/{probe,relapse,spread}", tests: "proof/verify" },
  { modules: "fleet/processes", tests: "fleet/processes" },
  { modules: "keys/{death-marks,kill-marks,deaths}", tests: "keys/key-marks" },
];

/** It takes longer than all the other tests of its room together. */
const slowTest = "any changed byte";

const tried = ["Killed", "Timeout", "Survived", "NoCoverage", "RuntimeError", "CompileError"];

async function filesOf(pattern: string): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(pattern)) files.push(file);
  return files.toSorted();
}

async function testsOf(module: string, { tests, alsoBy }: Room): Promise<string> {
  const own = module.replace(/^components/, "test").replace(/\.ts$/, ".test.ts");
  const hasOwn = await access(own).then(
    () => true,
    () => false,
  );
  const also = alsoBy === undefined ? [] : [`test/operations/${alsoBy}.test.ts`];
  return [...(hasOwn ? [own] : await filesOf(`test/operations/${tests}.test.ts`)), ...also].join(" ");
}

/** @returns how many mutants were tried, and how many of them no test has noticed */
async function tryMutants(mutate: string[], tests: string, directory: string): Promise<[number, number]> {
  console.log(`\n${mutate.join(" ")}\n  by ${tests}`);
  const command = `node --test --test-isolation=none --test-skip-pattern="${slowTest}" ${tests}`;
  const configFile = "test/mutation.config.json";
  const stryker = new Stryker({ configFile, mutate, commandRunner: { command }, tempDirName: directory });
  const mutants = (await stryker.runMutationTest()).filter(({ status }) => tried.includes(status));
  return [mutants.length, mutants.filter(({ status }) => !["Killed", "Timeout"].includes(status)).length];
}

async function run(chosen: readonly string[], directory: string): Promise<void> {
  process.env.NODE_COMPILE_CACHE = join(directory, "compile");
  let [all, survivors] = [0, 0];
  for (const room of rooms) {
    const modules = await filesOf(`components/operations/${room.modules}.ts`);
    const wanted = modules.filter((file) => chosen.length === 0 || chosen.includes(file));
    const paired = await Promise.all(
      wanted.map(async (file) => ({ file, tests: await testsOf(file, room) })),
    );
    for (const [tests, group] of Map.groupBy(paired, (one) => one.tests)) {
      const files = group.map(({ file }) => file);
      const [count, survived] = await tryMutants(files, tests, directory);
      all += count;
      survivors += survived;
    }
  }
  console.log(`\n${all} mutants, ${survivors} survived`);
  if (survivors > 0 || all === 0) process.exitCode = 1;
}

const directory = await mkdtemp(join(tmpdir(), "mutation-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
await run(process.argv.slice(2), directory);
