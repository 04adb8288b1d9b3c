import { stripVTControlCharacters } from "node:util";
import type { BundleCheck, Finding } from "#operations/evidence/check/check-bundle";

const marks: Record<Finding["level"], string> = { error: "WRONG ", warning: "note  ", ok: "ok    " };
const order: Finding["level"][] = ["error", "warning", "ok"];

/** More errors of a bundle help nobody to judge it. */
const mostErrors = 50;

/** Prints what a check has found, the worst first. */
export function printFindings(directory: string, { ok, authenticated, findings }: BundleCheck): void {
  for (const level of order) {
    const found = findings.filter((finding) => finding.level === level);
    for (const { what } of found.slice(0, mostErrors)) console.log(`${marks[level]}${plain(what)}`);
    if (found.length > mostErrors) console.log(`${marks[level]}and ${found.length - mostErrors} more.`);
  }
  const wrong = findings.filter(({ level }) => level === "error").length;
  const verdict = ok
    ? authenticated
      ? "nothing is wrong with this bundle."
      : "nothing is wrong in itself, but it is NOT AUTHENTICATED: no signature was checked, so anybody may have written it."
    : `${wrong} ${wrong === 1 ? "thing is" : "things are"} WRONG: do not rely on this bundle.`;
  console.log(`\n${directory}: ${verdict}`);
}

/** What a forger wrote must not move the reader's cursor. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}+/gu, " ");
}
