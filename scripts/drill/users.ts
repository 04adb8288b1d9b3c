import { styleText } from "node:util";
import { startTraffic, type Traffic, type TrafficFailure } from "../lab/traffic.ts";
import type { DrillScenario } from "./open-lab.ts";
import { say, sayPhase } from "./say.ts";

const shownFailures = 3;
const kidLetters = 8;

/** What the users have seen so far. */
export interface UsersTally {
  requests: number;
  failures: readonly TrafficFailure[];
  /** How many tokens each key has signed, by kid. */
  tokens: Record<string, number>;
}

/** The users of a drill: they keep logging in and calling every instance. */
export class Users {
  readonly #traffic: Traffic;
  #reported = 0;

  constructor(traffic: Traffic) {
    this.#traffic = traffic;
  }

  get tally(): UsersTally {
    const { requests, failures, kids } = this.#traffic;
    return { requests, failures: [...failures], tokens: Object.fromEntries(kids) };
  }

  /** Prints what they have seen, once each of them has called every instance again. */
  async report(): Promise<UsersTally> {
    await this.#traffic.settled();
    const { requests, failures, tokens } = this.tally;
    const minted = Object.entries(tokens).map(([kid, count]) => `${count} by ${kid.slice(0, kidLetters)}…`);
    const failed = styleText(failures.length > 0 ? "red" : "green", `${failures.length} failed`);
    sayPhase("users", `${requests} requests, ${failed}; tokens signed so far: ${minted.join(", ")}`);
    for (const failure of failures.slice(this.#reported).slice(0, shownFailures)) {
      sayPhase("users", styleText("red", lineOf(failure)));
    }
    this.#reported = failures.length;
    return { requests, failures, tokens };
  }

  /** Drops the tokens that have expired by the moved clock. */
  async forgetTokens(): Promise<void> {
    await this.#traffic.forgetTokens();
    sayPhase("users", "drop their old tokens: by the moved clock, these have expired");
  }

  async stop(): Promise<void> {
    await this.#traffic.stop();
  }
}

/** Starts the users, who work until {@link Users.stop}. */
export async function startUsers({ admin, realm, fleet }: DrillScenario): Promise<Users> {
  const traffic = await startTraffic({ admin, realm, fleet });
  say("from now on, users keep logging in, refreshing their tokens and calling every instance");
  return new Users(traffic);
}

function lineOf({ at, what, instance, kid, reason }: TrafficFailure): string {
  const where = instance === undefined ? what : `${what} of ${instance} with a token of ${kid}`;
  return `${at} ${where}: ${reason}`;
}
