/** What a check of a bundle has come to. */
export interface Finding {
  /** `ok`: was checked, and nothing is wrong. `warning`: was not, or could not be checked. */
  level: "error" | "warning" | "ok";
  /** A sentence for people. Holds no secret. */
  what: string;
}

export function error(what: string): Finding {
  return { level: "error", what };
}

export function warning(what: string): Finding {
  return { level: "warning", what };
}

/** The problems, each without its full stop; or that there are none. */
export function judge(good: string, problems: readonly string[]): Finding[] {
  return problems.length === 0 ? [{ level: "ok", what: good }] : problems.map((one) => error(`${one}.`));
}
