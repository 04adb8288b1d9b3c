import {
  type Expected,
  type KillPoint,
  type Prediction,
  predict,
  untouched,
  type Wish,
} from "./sequence-model.ts";

/** One thing that an operator does, and what the result must be. */
export interface Step {
  /** For a person, such as `rollback of 3, killed after the activation`. */
  text: string;
  wish: Wish;
  /** Whether the overlap passes first. */
  isLater: boolean;
  prediction: Prediction;
  kill: KillPoint | undefined;
  /** What is done after the kill. Default: the same again. */
  instead: Wish | undefined;
}

/** The algorithms of each realm that the sequences are run in. */
export const sequenceRealms = [["RS256"], ["RS256"], ["RS256", "ES256"], ["RS256"]];

/** The seed of every run but a campaign's: with it, every verb, kill point and refusal comes up, in few steps. */
export const fixedSeed = 27_715;

/** The sequences of each realm, for one seed. */
export function planRealms(seed: number): Step[][][] {
  return sequenceRealms.map((algorithms, index) => planSequences(seed + index, 3, algorithms));
}

/** Gives numbers from 0 up to, but not including, 1. */
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

/** What an operator may do, and how often it comes up in a round. */
export const verbs = {
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

/** Draws verbs like cards, not like dice, so that each one comes up regularly. */
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

/** Plans sequences of two to four steps each, most of them short, for one realm. The same seed gives the same plan. */
export function planSequences(seed: number, count: number, algorithms: readonly string[]): Step[][] {
  const random = randomFrom(seed);
  const operator = new Operator(random, algorithms);
  return Array.from({ length: count }, () =>
    Array.from({ length: 2 + Math.floor(random() ** 2 * 3) }, () => operator.next()),
  );
}

/** Chooses each step by the result of the steps before. */
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

  /** Each kind of refusal, and of step that changes nothing, comes up once: a second time it shows nothing new. */
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
  // However far the killed run came, an emergency leaves only its own keys.
  const instead: Wish | undefined =
    kill && isAlarm ? { mode: "emergency", rotation: wish.rotation + 1 } : undefined;
  const prediction = instead ? predict(realm, instead) : asked;
  const after = instead ? `then emergency ${instead.rotation}` : "and again";
  const killed = kill ? `, killed after ${kill.after}, ${after}` : "";
  const refused = prediction.kind === "refused" ? ", refused" : "";
  const text = `${verb} (${wish.mode} ${wish.rotation})${refused}${killed}`;
  return { text, wish, isLater, prediction, kill, instead };
}
