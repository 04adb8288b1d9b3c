import { readFile, writeFile } from "node:fs/promises";
import { messageOf } from "#operations/base/errors";
import { type BundleCheck, checkBundle } from "#operations/evidence/check/check-bundle";
import { type EvidenceOptions, readOptions, usage } from "./evidence-command/options.ts";
import { printFindings } from "./evidence-command/print-findings.ts";

const [couldNotTell, somethingIsWrong] = [1, 2];

async function verify({ directory, key }: EvidenceOptions): Promise<BundleCheck> {
  const publicKey = key === undefined ? {} : { publicKey: await readFile(key, "utf8") };
  return checkBundle(directory, publicKey);
}

/** Prints and writes the findings. A failure to write them does not hide that a bundle is bad. */
async function showFindings({ directory, json }: EvidenceOptions, check: BundleCheck): Promise<void> {
  printFindings(directory, check);
  if (!check.ok) process.exitCode = somethingIsWrong;
  if (json === undefined) return;
  await writeFile(json, `${JSON.stringify(check, null, 2)}\n`).catch((error: unknown) => {
    console.error(`The findings could not be written: ${messageOf(error)}`);
    process.exitCode ??= couldNotTell;
  });
}

function readArguments(): EvidenceOptions | "help" | undefined {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    return fail(error, `\n\n${usage}`);
  }
}

function fail(error: unknown, more = ""): undefined {
  console.error(`Could not tell: ${messageOf(error)}${more}`);
  process.exitCode = couldNotTell;
}

const options = readArguments();
if (options === "help") console.log(usage);
else if (options) {
  const check = await verify(options).catch((error: unknown) => fail(error));
  if (check) await showFindings(options, check);
}
