import type { AccessLine } from "./sample-api/log.ts";
import type { Behaviour } from "./sample-api/misbehaviour.ts";

/** One process of the sample API, wherever it runs; or several behind one port, where it misbehaves so. */
export interface ApiProcess {
  readonly name: string;
  /** Its own base URL. Of a pod in a cluster that the lab has not built, a description. */
  readonly url: string;
  /** Makes it misbehave from now on, or repairs it with `none`. */
  misbehave(behaviour: Behaviour): Promise<void>;
  /** Every request that it was sent, oldest first. */
  accessLog(): Promise<AccessLine[]>;
  /** What it answers to a GET with a bearer token; undefined where it gives no answer within ten seconds. */
  statusOf(path: string, token: string): Promise<number | undefined>;
}

/** The API processes of a scenario. */
export interface ApiFleet {
  /** Those that serve at this moment, as far as is known here. */
  readonly instances: readonly ApiProcess[];
  /** Looks which of them serve now. */
  list(): Promise<readonly ApiProcess[]>;
  stop(): Promise<void>;
}
