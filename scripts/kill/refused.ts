import type { ErrorCode } from "#operations/base/error-codes";

const code: ErrorCode = "KILL_REFUSED";

/** The kill does not start: nothing was touched. Holds every problem that was found, and no secret. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly problems: readonly string[];

  /** @param more what else the reader needs, such as the usage */
  constructor(problems: readonly string[], more?: string) {
    const list = problems.map((problem) => `\n  - ${problem}`).join("");
    super(`${code}: nothing was touched.${list}${more === undefined ? "" : `\n\n${more}`}`);
    this.problems = problems;
  }
}
