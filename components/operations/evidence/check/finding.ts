/** One result of the check of a bundle. */
export interface Finding {
  /** `ok`: checked, and nothing is wrong. `warning`: not checked, or it can't be. */
  level: "error" | "warning" | "ok";
  /** A sentence for people. Contains no secret. */
  what: string;
}

export function error(what: string): Finding {
  return { level: "error", what };
}

export function warning(what: string): Finding {
  return { level: "warning", what };
}

/** An error for each problem, to which the full stop is added; or that all is well. */
export function judge(good: string, problems: readonly string[]): Finding[] {
  return problems.length === 0 ? [{ level: "ok", what: good }] : problems.map((one) => error(`${one}.`));
}
