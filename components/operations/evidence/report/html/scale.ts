import type { Timeline } from "../model/timeline.ts";

/** The picture's measures, in units of its view box. */
export const width = 1000;
export const labelWidth = 200;
export const rowHeight = 22;
const right = 24;

/** What the picture's width stands for, in milliseconds of the epoch. */
export type Scale = Pick<Timeline, "from" | "to">;

/** Where a time is in the picture. */
export function x(time: number, { from, to }: Scale): number {
  const part = Math.min(1, Math.max(0, (time - from) / (to - from)));
  return round(labelWidth + part * (width - labelWidth - right));
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
