import { printable } from "./report.ts";

/** How many an error lists; the report has all of them. */
const listed = 20;

/**
 * What failed, a line each, as an error's message lists it.
 *
 * @param reportPath where all of it is. Default: no such line
 */
export function listFailures(failures: readonly string[], reportPath?: string): string {
  const lines = failures.slice(0, listed).map((failure) => `\n  - ${printable(failure)}`);
  const more = failures.length > listed ? `\n  - and ${failures.length - listed} more, see the report` : "";
  const report = reportPath === undefined ? "" : `\n  Report: ${reportPath}`;
  return `${lines.join("")}${more}${report}`;
}
