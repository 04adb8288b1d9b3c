import { isDeepStrictEqual } from "node:util";

/**
 * Which of the named properties differ. In a preview, a value that is not known yet arrives as a placeholder and
 * so differs from what it was, which is right: what it hangs on is about to change.
 */
export function changed(olds: object, news: object, names: readonly string[]): string[] {
  const [before, after] = [new Map(Object.entries(olds)), new Map(Object.entries(news))];
  return names.filter((name) => !isDeepStrictEqual(before.get(name), after.get(name)));
}
