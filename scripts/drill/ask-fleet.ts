import pLimit from "p-limit";
import type { ApiFleet, ApiProcess } from "../lab/api-fleet.ts";

/** More port-forwards at once are not faster. */
const askedAtOnce = 8;

/** Asks every instance that serves now. */
export async function askFleet<T>(fleet: ApiFleet, ask: (instance: ApiProcess) => Promise<T>): Promise<T[]> {
  return pLimit(askedAtOnce).map(await fleet.list(), ask);
}

/** The status that each instance answers to a GET with this token; undefined where no answer came. */
export function statusesAt(fleet: ApiFleet, path: string, token: string): Promise<(number | undefined)[]> {
  return askFleet(fleet, (instance) => instance.statusOf(path, token));
}

/** Whether there is at least one answer, and all are this one. */
export function areAll<T>(answers: readonly T[], wanted: T): boolean {
  return answers.length > 0 && answers.every((answer) => answer === wanted);
}

/** As "4 of 5". */
export function shareOf<T>(answers: readonly T[], wanted: T): string {
  return `${answers.filter((answer) => answer === wanted).length} of ${answers.length}`;
}
