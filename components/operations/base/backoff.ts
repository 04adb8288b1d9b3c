/** Milliseconds before the next attempt: 200, 400, 800 … up to 5 s, each with up to a quarter of jitter. */
export function backoffMs(attempt: number): number {
  return Math.min(5_000, 100 * 2 ** attempt) * (1 + Math.random() / 4);
}
