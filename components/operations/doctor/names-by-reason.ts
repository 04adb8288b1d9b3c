import { listNames } from "../base/list-names.ts";
import type { Identity } from "../fleet/instances.ts";

/** A name, and what is the matter with it. */
export interface Reasoned {
  name: string;
  reason: string;
}

/** Names in a sentence; the JSON has them all. */
const most = 20;

/** The first names for each reason, and how many more there are: `api-1, api-2 (no answer); api-7 (HTTP 500)`. Pure. */
export function namesByReason(list: readonly Reasoned[]): string {
  const groups = Map.groupBy(list, ({ reason }) => reason);
  const phrases = [...groups].map(([reason, members]) => {
    const names = members.map(({ name }) => name);
    return `${listNames(names, most)} (${reason})`;
  });
  const more = phrases.length > most ? ` and ${phrases.length - most} more reasons` : "";
  return `${phrases.slice(0, most).join("; ")}${more}`;
}

/** An instance in a sentence. A pod's name says nothing of its target. */
export function nameOf({ instance, target }: Identity & { instance: string }): string {
  return target === undefined ? instance : `${target}/${instance}`;
}
