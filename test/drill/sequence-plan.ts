import {
  type Expected,
  type KillPoint,
  type Prediction,
  predict,
  untouched,
  type Wish,
} from "./sequence-model.ts";

/** One thing that an operator does, and what must come of it. */
export interface Step {
  /** For a person, such as `rollback of 3, killed after the activation`. */
  text: string;
  wish: Wish;
  /** Whether the overlap is let pass first. */
  isLater: boolean;
  prediction: Prediction;
  kill: KillPoint | undefined;
}

/** Gives numbers from 0 to 1, 1 not among them. */
type Random = () => number;

/** mulberry32: the same numbers for the same seed, wherever it runs. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What an operator may do, as often as it is to come up in a round. */
const verbs = {
  planned: 3,
  emergency: 2,
  rollback: 3,
  retire: 3,
  "planned again": 1,
  escalate: 1,
  retry: 1,
  "go back": 1,
};
type Verb = keyof typeof verbs;

/** Everything that an operator may do comes up once in a while: drawn like cards, and not thrown like dice. */
class Deck {
  readonly #random: Random;
  #left: Verb[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  draw(): Verb {
    if (this.#left.length === 0)
      this.#left = Object.entries(verbs).flatMap(([verb, count]) => Array<Verb>(count).fill(verb as Verb));
    const [verb] = this.#left.splice(Math.floor(this.#random() * this.#left.length), 1);
    return verb ?? "retry";
  }
}

/** Draws sequences of two to four steps each, one after the other in the same realm. The same seed gives the same. */
export function planSequences(seed: number, count: number, algorithms: readonly string[]): Step[][] {
  const random = randomFrom(seed);
  const deck = new Deck(random);
  let realm = untouched(algorithms);
  let wish: Wish = { mode: "planned", rotation: 1 };
  return Array.from({ length: count }, () =>
    Array.from({ length: 2 + Math.floor(random() * 3) }, () => {
      const verb = deck.draw();
      const step = planStep(verb, wishFor(verb, realm.rotation, wish), realm, random);
      if (step.isLater) realm = { ...realm, isDue: true };
      if (step.prediction.kind === "done") realm = step.prediction.realm;
      wish = step.wish;
      return step;
    }),
  );
}

function wishFor(verb: Verb, highest: number, last: Wish): Wish {
  const same = Math.max(highest, 1);
  switch (verb) {
    case "planned":
      return { mode: "planned", rotation: highest + 1 };
    case "planned again":
      return { mode: "planned", rotation: same };
    case "go back":
      return { mode: "planned", rotation: Math.max(highest - 1, 1) };
    case "emergency":
      return { mode: "emergency", rotation: highest + 1 };
    case "escalate":
      return { mode: "emergency", rotation: same };
    case "rollback":
      return { mode: "rollback", rotation: same };
    case "retire":
    case "retry":
      return last;
    default:
      return verb satisfies never;
  }
}

function planStep(verb: Verb, wish: Wish, realm: Expected, random: Random): Step {
  const isLater = verb === "retire";
  const prediction = predict({ ...realm, isDue: realm.isDue || isLater }, wish);
  const points = prediction.kind === "done" ? prediction.killPoints : [];
  const isKilled = random() < 0.5;
  const kill = isKilled ? points[Math.floor(random() * points.length)] : undefined;
  const killed = kill ? `, killed after ${kill.after}, and again` : "";
  const refused = prediction.kind === "refused" ? ", refused" : "";
  const text = `${verb} (${wish.mode} ${wish.rotation})${refused}${killed}`;
  return { text, wish, isLater, prediction, kill };
}
