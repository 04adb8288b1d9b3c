/** What an `up` is asked for. */
export interface Wish {
  mode: "planned" | "emergency" | "rollback";
  rotation: number;
}

/**
 * What a realm must be like, by the rules and not by the program's code. Keys go by the rotation that made them; 0 is
 * the key that the realm had before the first.
 */
export interface Expected {
  /** The highest that has made keys; 0 before the first. */
  rotation: number;
  /** By algorithm, the keys that are trusted: the signer, then the others, the one that signed last before them. */
  trusted: Readonly<Record<string, readonly number[]>>;
  /** Whether the overlap of those that no longer sign is over. */
  isDue: boolean;
  /** The step that the stack is at; undefined before the first. */
  step?: string;
}

/** A line of an up that will come, and with which it may be killed. */
export interface KillPoint {
  after: string;
  line: RegExp;
}

export type Prediction =
  | { kind: "refused"; because: RegExp }
  | { kind: "done"; realm: Expected; isNewStep: boolean; killPoints: KillPoint[] };

/** A realm as Keycloak makes it, with a stack that has not been up yet. */
export function untouched(algorithms: readonly string[]): Expected {
  const trusted = Object.fromEntries(
    algorithms.map((algorithm) => [algorithm, algorithm === "RS256" ? [0] : []]),
  );
  return { rotation: 0, trusted, isDue: true };
}

/** What an `up` must make of a realm, or why it must be refused. */
export function predict(realm: Expected, wish: Wish): Prediction {
  const because = refusal(realm, wish);
  if (because) return { kind: "refused", because };
  const signers = Object.fromEntries(
    Object.entries(realm.trusted).map(([algorithm, trusted]) => [algorithm, signerOf(trusted, wish)]),
  );
  const isSettled = Object.entries(realm.trusted).every(
    ([algorithm, [signer]]) => signer === signers[algorithm],
  );
  const isFinal = wish.mode === "emergency" || (isSettled && realm.isDue);
  const trusted = Object.fromEntries(
    Object.entries(realm.trusted).map(([algorithm, before]) => [
      algorithm,
      trustedAfter(before, signers[algorithm] ?? wish.rotation, isFinal),
    ]),
  );
  const step = [wish.rotation, wish.mode === "rollback", isFinal].join();
  const isNewStep = step !== realm.step;
  const isDue = wish.mode === "emergency" || (isSettled && realm.isDue);
  const isLost = Object.entries(realm.trusted).some(([algorithm, keys]) =>
    keys.some((key) => !trusted[algorithm]?.includes(key)),
  );
  return {
    kind: "done",
    realm: { rotation: wish.rotation, trusted, isDue, step },
    isNewStep,
    killPoints: isNewStep ? killPoints(realm, wish, { isSettled, isFinal, isLost }) : [],
  };
}

function refusal({ rotation: highest, trusted, isDue }: Expected, { mode, rotation }: Wish) {
  if (rotation < highest) return /rotation: \d+ is lower than \d+/;
  const keys = Object.values(trusted);
  const isNew = rotation > highest;
  if (mode === "rollback") {
    if (isNew) return highest === 0 ? /has nothing to take back/ : /rollback takes back rotation \d+/;
    const isPossible = keys.flat().some((key) => key !== rotation);
    return isPossible ? undefined : /mode: rollback is not possible/;
  }
  if (!isNew && keys.some((list) => !list.includes(rotation))) return /rotation: \d+ is over/;
  const isRunning = !isDue && keys.some((list) => list.length > 1);
  return mode === "planned" && isNew && isRunning ? /rotation: \d+ must wait/ : undefined;
}

/** An algorithm that had no key before goes on with the one that is taken back elsewhere. */
function signerOf(trusted: readonly number[], { mode, rotation }: Wish): number {
  return (mode === "rollback" ? trusted.find((key) => key !== rotation) : undefined) ?? rotation;
}

function trustedAfter(before: readonly number[], signer: number, isFinal: boolean): number[] {
  return isFinal ? [signer] : [signer, ...before.filter((key) => key !== signer)];
}

function killPoints(
  realm: Expected,
  { mode, rotation }: Wish,
  { isSettled, isFinal, isLost }: { isSettled: boolean; isFinal: boolean; isLost: boolean },
): KillPoint[] {
  const isNew = rotation > realm.rotation;
  const losesPlace = !isFinal && Object.values(realm.trusted).some(([signer]) => signer !== undefined);
  const points: [boolean, string, RegExp][] = [
    [true, "the canaries", /^.*\[canary\] (canary tokens minted|no key)/],
    [isNew, "the publication", /\[publish\] published/],
    [isNew && mode === "planned", "the announcement", /\[announce\] \d+ of/],
    [!isSettled, "the activation", /\[cut-over\] \S+ \(\S+\) is active/],
    [!isSettled && losesPlace, "the first passive key", /\[cut-over\] .* is passive/],
    [isLost, "the first disabled key", /\[cut-over\] .* is disabled/],
    [true, "the cut-over", /\[cut-over\] .* signs?;/],
    [true, "the refresh", /\[enforce\] \d+ of/],
    [true, "the verification", /\[verify\] \d+ of/],
  ];
  return points.flatMap(([isThere, after, line]) => (isThere ? [{ after, line }] : []));
}
