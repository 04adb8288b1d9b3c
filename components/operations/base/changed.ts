import { isDeepStrictEqual } from "node:util";

/**
 * Which of the named properties differ. In a preview, a value that is not known yet arrives as a placeholder and
 * so differs from what it was, which is right: what it hangs on is about to change.
 */
export function changed(olds: object, news: object, names: readonly string[]): string[] {
  const [before, after] = [new Map(Object.entries(olds)), new Map(Object.entries(news))];
  return names.filter((name) => !isDeepStrictEqual(before.get(name), after.get(name)));
}

/** What makes a rotation go on from the canaries to the evidence. */
interface Step {
  rotation: number;
  realm: string;
  mode: string;
  stage?: string;
}

/**
 * Whether a run is another step of a rotation than the one before: another rotation, its retirement, an emergency in
 * mid-overlap, or a rollback. From planned to emergency is none where nothing is left to retire.
 */
export function stepChanged(before: Partial<Step>, now: Step): boolean {
  const isBack = ({ mode }: Partial<Step>) => mode === "rollback";
  // A state of before there were stages is that of an emergency.
  const stageOf = ({ stage = "final" }: Partial<Step>) => stage;
  return (
    changed(before, now, ["rotation", "realm"]).length > 0 ||
    isBack(before) !== isBack(now) ||
    stageOf(before) !== stageOf(now)
  );
}
