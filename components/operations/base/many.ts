/** A number with its noun, as `1 round` or `3 rounds`. Pure. */
export function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
