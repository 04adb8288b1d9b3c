import { stripVTControlCharacters } from "node:util";
import type { BundleCheck, Finding } from "#operations/evidence/check/check-bundle";

const marks: Record<Finding["level"], string> = { error: "WRONG ", warning: "note  ", ok: "ok    " };
const order: Finding["level"][] = ["error", "warning", "ok"];

/** The most findings of one level that are printed. */
const maxFindings = 50;

/** Prints the findings of a check, errors first. */
export function printFindings(directory: string, { ok, authenticated, findings }: BundleCheck): void {
  for (const level of order) {
    const found = findings.filter((finding) => finding.level === level);
    for (const { what } of found.slice(0, maxFindings)) console.log(`${marks[level]}${plain(what)}`);
    if (found.length > maxFindings) console.log(`${marks[level]}and ${found.length - maxFindings} more.`);
  }
  const wrong = findings.filter(({ level }) => level === "error").length;
  const verdict = ok
    ? authenticated
      ? "nothing is wrong with this bundle."
      : "the bundle is consistent, but it is NOT AUTHENTICATED: no signature was checked, so anybody may have written it."
    : `${wrong} ${wrong === 1 ? "thing is" : "things are"} WRONG: do not rely on this bundle.`;
  console.log(`\n${directory}: ${verdict}`);
}

/** Text from a forged bundle must not control the terminal. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}+/gu, " ");
}
