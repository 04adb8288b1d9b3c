import { type Behaviour, workersOf } from "./misbehaviour.ts";

/** The value of `JWKS-Process`; undefined where this behaviour does not name its processes. */
export function processNameOf(behaviour: Behaviour): string | undefined {
  const { count, named } = workersOf(behaviour) ?? { count: 1, named: behaviour !== "unnamed" };
  // A token of RFC 9651 begins with a letter.
  return named ? `p${process.pid}-${Math.round(performance.timeOrigin)}; of=${count}` : undefined;
}
