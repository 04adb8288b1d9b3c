import type { Evidence } from "../evidence-schema.ts";

interface Span {
  startedAt: string;
  finishedAt: string;
}

/** Compares times, not texts: some have no milliseconds. */
export function isBefore(one: string, other: string): boolean {
  return Date.parse(one) < Date.parse(other);
}

/** When the run began whose evidence it is, ISO 8601 UTC; empty where no phase is recorded. */
export function beginningOf({ phases }: Pick<Evidence, "phases">): string {
  const [first = ""] = phases.map(({ startedAt }) => startedAt).toSorted();
  return first;
}

/** Whether a time is within a span, its ends included. */
export function isWithin(time: string, { startedAt, finishedAt }: Span): boolean {
  return !isBefore(time, startedAt) && !isBefore(finishedAt, time);
}

/** Whether everything ended after it began and came after what it follows. A problem has no full stop. */
export function checkTimes(evidence: Evidence): string[] {
  const { phases, writtenAt, retired, jwksReadBack } = evidence;
  const starts = phases.map(({ startedAt }) => startedAt);
  const exact = retired.filter(({ disabledAtIsExact }) => disabledAtIsExact);
  return [
    ...spans(evidence)
      .filter(([, { startedAt, finishedAt }]) => isBefore(finishedAt, startedAt))
      .map(([what]) => `${what} ended before it began`),
    ...(starts.every((start, index) => !isBefore(start, starts[index - 1] ?? start))
      ? []
      : ["the phases are not in the order in which they began"]),
    ...phases
      .filter(({ finishedAt }) => isBefore(writtenAt, finishedAt))
      .map(({ phase }) => `phase ${phase} ended after the evidence was written`),
    ...jwksReadBack.flatMap(({ url, currentAt }) =>
      exact
        .filter(({ disabledAt }) => !isBefore(disabledAt, currentAt))
        .map(({ kid }) => `${url} is listed as showing the new key set before kid ${kid} was disabled`),
    ),
  ];
}

function spans({ phases, verification, attempts, refresh, restarts, announced }: Evidence): [string, Span][] {
  return [
    ...phases.map((one): [string, Span] => [`phase ${one.phase}`, one]),
    ...(verification ? [["the verification", verification] as [string, Span]] : []),
    ...attempts.map((one, index): [string, Span] => [`verification attempt ${index + 1}`, one]),
    ...[...refresh, ...(announced?.refresh ?? [])].map((one): [string, Span] => [
      `the refresh of ${one.instance}`,
      one,
    ]),
    ...[...restarts, ...(announced?.restarts ?? [])].map((one): [string, Span] => [
      `the restart of ${one.subject}`,
      one,
    ]),
  ];
}

/** Whether each token is listed once: a token that counts twice would prove one thing only. A problem has no full stop. */
export function checkCanaries({ canaries, verification }: Evidence): string[] {
  const tokens = [...canaries.flatMap(({ seen, unseen }) => [seen.jti, unseen.jti])];
  const fresh = verification?.fresh.map(({ jti }) => jti) ?? [];
  return [
    ...doubles(canaries.map(({ kid }) => kid)).map((kid) => `kid ${kid} has two pairs of canary tokens`),
    ...doubles([...tokens, ...fresh]).map((jti) => `the token with jti ${jti} is listed twice`),
  ];
}

function doubles(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
