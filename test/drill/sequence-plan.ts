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
  /** What is done after the kill; by default the same again. */
  instead: Wish | undefined;
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

/** Draws sequences of two to four steps each, more of them short, one after the other in the same realm. The same seed gives the same. */
export function planSequences(seed: number, count: number, algorithms: readonly string[]): Step[][] {
  const random = randomFrom(seed);
  const operator = new Operator(random, algorithms);
  return Array.from({ length: count }, () =>
    Array.from({ length: 2 + Math.floor(random() ** 2 * 3) }, () => operator.next()),
  );
}

/** Goes on from what has come of the steps before. */
class Operator {
  readonly #random: Random;
  readonly #deck: Deck;
  readonly #idle = new Set<string>();
  #realm: Expected;
  #accepted: Wish = { mode: "planned", rotation: 1 };
  #last = this.#accepted;

  constructor(random: Random, algorithms: readonly string[]) {
    this.#random = random;
    this.#deck = new Deck(random);
    this.#realm = untouched(algorithms);
  }

  /** What is refused, and what changes nothing, comes up once in each way: a second time it shows nothing new. */
  next(): Step {
    for (;;) {
      const verb = this.#deck.draw();
      const step = planStep(verb, this.#wish(verb), this.#realm, this.#random);
      const idle = idleness(verb, step.prediction);
      if (idle !== undefined && this.#idle.has(idle)) continue;
      if (idle !== undefined) this.#idle.add(idle);
      this.#accept(step);
      return step;
    }
  }

  #accept({ prediction, isLater, wish, instead }: Step): void {
    this.#last = instead ?? wish;
    if (isLater) this.#realm = { ...this.#realm, isDue: true };
    if (prediction.kind === "refused") return;
    this.#realm = prediction.realm;
    this.#accepted = this.#last;
  }

  #wish(verb: Verb): Wish {
    const highest = this.#realm.rotation;
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
        return this.#accepted;
      case "retry":
        return this.#last;
      default:
        return verb satisfies never;
    }
  }
}

function idleness(verb: Verb, prediction: Prediction): string | undefined {
  if (prediction.kind === "refused") return prediction.because.source;
  return prediction.isNewStep ? undefined : verb;
}

function planStep(verb: Verb, wish: Wish, realm: Expected, random: Random): Step {
  const isLater = verb === "retire";
  const asked = predict({ ...realm, isDue: realm.isDue || isLater }, wish);
  const points = asked.kind === "done" ? asked.killPoints : [];
  const isKilled = random() < 0.5;
  const kill = isKilled ? points[Math.floor(random() * points.length)] : undefined;
  const isAlarm = random() < 0.25;
  // Whatever the killed run has come to, an emergency leaves nothing but its own keys.
  const instead: Wish | undefined =
    kill && isAlarm ? { mode: "emergency", rotation: wish.rotation + 1 } : undefined;
  const prediction = instead ? predict(realm, instead) : asked;
  const after = instead ? `then emergency ${instead.rotation}` : "and again";
  const killed = kill ? `, killed after ${kill.after}, ${after}` : "";
  const refused = prediction.kind === "refused" ? ", refused" : "";
  const text = `${verb} (${wish.mode} ${wish.rotation})${refused}${killed}`;
  return { text, wish, isLater, prediction, kill, instead };
}
