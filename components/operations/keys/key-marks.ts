import { createHash } from "node:crypto";

/**
 * What the program remembers of a key in Keycloak itself, on the key's component: a lost state must not lose it, and
 * other stacks must see it.
 */
export interface KeyMarks {
  /** End of the overlap that began with the key's activation, ISO 8601 UTC: the passive keys may be retired then. */
  retireAfter?: string;
  /** The incident that the key was made for. */
  incident?: string;
  /** The incident for which an overlap was ended in its favour. */
  endedFor?: string;
  /** The stack that made it. */
  stack?: string;
  /** Since when it signs for no longer than it takes to mint its canary tokens, ISO 8601 UTC. */
  borrowed?: string;
  /** Of a key that `npm run kill` has disabled: for which rotation, and whether that is proven. See `kill-marks.ts`. */
  killed?: string;
  /** Of a key that an `up` has disabled: for which rotation, and whether that is proven. See `death-marks.ts`. */
  died?: string;
  /**
   * Of a key that somebody else has disabled: since when it is known to be, or that its death is closed. See
   * `death-marks.ts`.
   */
  foundDead?: string;
  /** Of a key that `npm run kill` has made: what else it has done, so that the `up` after it does not do it again. */
  done?: string;
}

/** Marks to set; null takes one away. */
export type MarkChanges = { [Name in keyof KeyMarks]?: KeyMarks[Name] | null };

const words = {
  retireAfter: "retire-others-after",
  incident: "for",
  endedFor: "ended-overlap-for",
  stack: "by",
  borrowed: "borrowed-at",
  killed: "killed",
  died: "died",
  foundDead: "found-dead",
  done: "done",
} as const;
const names = [
  "retireAfter",
  "incident",
  "endedFor",
  "stack",
  "borrowed",
  "killed",
  "died",
  "foundDead",
  "done",
] as const;

/** Longer values stand there as a digest: Keycloak keeps 255 characters in all. */
const longest = 40;

/** The marks as one text, for the component's `subType`, which key providers ignore. Its `config` takes no additions. */
export function formatMarks(marks: MarkChanges): string {
  return names.flatMap((name) => (marks[name] ? [`${words[name]} ${marks[name]}`] : [])).join("; ");
}

/** Reads what {@link formatMarks} has written. Anything else that stands there is left out. */
export function parseMarks(text: string | undefined): KeyMarks {
  const found = new Map((text ?? "").split("; ").map((part) => splitOnce(part)));
  const marks: KeyMarks = {};
  for (const name of names) {
    const value = found.get(words[name]);
    if (value) marks[name] = value;
  }
  if (marks.retireAfter === undefined) return marks;
  const { retireAfter, ...others } = marks;
  const time = Date.parse(retireAfter);
  return Number.isNaN(time) ? others : { ...others, retireAfter: new Date(time).toISOString() };
}

function splitOnce(part: string): [string, string] {
  const space = part.indexOf(" ");
  return [part.slice(0, space), part.slice(space + 1)];
}

/** Whether a key was made for an incident, or keys were retired in its favour for it. Pure. */
export function isMarkedFor({ incident, endedFor }: KeyMarks, mark: string | undefined): boolean {
  return incident === mark || endedFor === mark;
}

/** A name as it is marked: itself, or the beginning of its digest where it is too long. Empty names leave no mark. */
export function markOf(name: string): string | undefined {
  if (name === "") return undefined;
  if (name.length <= longest && !name.includes(";")) return name;
  return `sha256:${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}
