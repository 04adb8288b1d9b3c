import { readFile, writeFile } from "node:fs/promises";
import { type BundleCheck, checkBundle } from "#operations/check-evidence";
import { type EvidenceOptions, readOptions, usage } from "./evidence-command/options.ts";
import { printFindings } from "./evidence-command/print-findings.ts";

const [couldNotTell, somethingIsWrong] = [1, 2];

async function verify({ directory, key, json }: EvidenceOptions): Promise<BundleCheck> {
  const publicKey = key === undefined ? {} : { publicKey: await readFile(key, "utf8") };
  const check = await checkBundle(directory, publicKey);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(check, null, 2)}\n`);
  return check;
}

function readArguments(): EvidenceOptions | "help" | undefined {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    return fail(error, `\n\n${usage}`);
  }
}

function fail(error: unknown, more = ""): undefined {
  console.error(`Could not tell: ${error instanceof Error ? error.message : error}${more}`);
  process.exitCode = couldNotTell;
}

const options = readArguments();
if (options === "help") console.log(usage);
else if (options) {
  const check = await verify(options).catch((error: unknown) => fail(error));
  if (check) printFindings(options.directory, check);
  if (check?.ok === false) process.exitCode = somethingIsWrong;
}
