import { styleText } from "node:util";
import { startTraffic, type Traffic, type TrafficFailure } from "../lab/traffic.ts";
import type { DrillScenario } from "./open-lab.ts";
import { say, sayPhase } from "./say.ts";

const shownFailures = 3;
const kidLetters = 8;

/** What users have seen until now. */
export interface UsersTally {
  requests: number;
  failures: readonly TrafficFailure[];
  /** How many tokens each kid has signed. */
  tokens: Record<string, number>;
}

/** The users of a drill: they log in and call every instance all the time. */
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

  /** Says what they have seen, once each of them has called every instance again. */
  async report(): Promise<UsersTally> {
    await this.#traffic.settled();
    const { requests, failures, tokens } = this.tally;
    const minted = Object.entries(tokens).map(([kid, count]) => `${count} by ${kid.slice(0, kidLetters)}…`);
    const failed = styleText(failures.length > 0 ? "red" : "green", `${failures.length} failed`);
    sayPhase("users", `${requests} requests, ${failed}; their tokens were signed: ${minted.join(", ")}`);
    for (const failure of failures.slice(this.#reported).slice(0, shownFailures)) {
      sayPhase("users", styleText("red", lineOf(failure)));
    }
    this.#reported = failures.length;
    return { requests, failures, tokens };
  }

  /** Where a moved clock says that the tokens of before have expired, nobody uses them any more. */
  async forgetTokens(): Promise<void> {
    await this.#traffic.forgetTokens();
    sayPhase("users", "use none of the tokens of before any more: by the moved clock, these have expired");
  }

  async leave(): Promise<void> {
    await this.#traffic.stop();
  }
}

/** Lets users come, who stay until {@link Users.leave}. */
export async function letUsersCome({ admin, realm, fleet }: DrillScenario): Promise<Users> {
  const traffic = await startTraffic({ admin, realm, fleet });
  say("users log in, refresh their tokens and call every instance with them, from now on and all the time");
  return new Users(traffic);
}

function lineOf({ at, what, instance, kid, reason }: TrafficFailure): string {
  const where = instance === undefined ? what : `${what} of ${instance} with a token of ${kid}`;
  return `${at} ${where}: ${reason}`;
}
