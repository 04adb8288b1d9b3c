/** Every way in which an instance of the sample API can be made to misbehave. */
export const misbehaviours = [
  "keep-cache",
  "hang",
  "error-500",
  "redirect",
  "refuse",
  "lie-kids",
  "accept-all",
  "accept-none-alg",
  "accept-hs256-confusion",
  "probe-500",
  "probe-hang",
  "probe-redirect",
  "wrong-token",
  "ignore-deny-list",
  "ignore-freeze",
  "unnamed",
] as const;

/** How the kinds that start several processes are written. */
export const workersUsage = "prefork:COUNT, workers:COUNT[:shared][:unnamed]";

/**
 * Several processes behind one port, each with a memory of its own. An internal operation reaches only the process that
 * gets the call; with `:shared` it is passed on to all. Each names itself, unless `:unnamed`.
 * `prefork:4` is short for `workers:4:unnamed`.
 */
export type WorkersKind =
  | `prefork:${number}`
  | `workers:${number}`
  | `workers:${number}:shared`
  | `workers:${number}:unnamed`
  | `workers:${number}:shared:unnamed`;

export type MisbehaviourKind = (typeof misbehaviours)[number] | WorkersKind;

/** A misbehaviour, or `none`: the contract is kept. */
export type Behaviour = MisbehaviourKind | "none";

export function isBehaviour(text: unknown): text is Behaviour {
  return text === "none" || misbehaviours.some((kind) => kind === text) || isWorkersKind(text);
}

/** The processes that a behaviour starts. */
export interface Workers {
  /** 2 to 32. */
  count: number;
  /** Whether an internal operation is passed on to all. */
  shared: boolean;
  /** Whether each names itself. */
  named: boolean;
}

export function isWorkersKind(text: unknown): text is WorkersKind {
  return typeof text === "string" && workersOf(text) !== undefined;
}

/** Undefined where the behaviour is that of a single process. */
export function workersOf(text: string): Workers | undefined {
  const written = text.replace(/^prefork:(\d+)$/, "workers:$1:unnamed");
  const [, digits, shared, unnamed] = /^workers:(\d+)(:shared)?(:unnamed)?$/.exec(written) ?? [];
  const count = Number(digits);
  if (!(count >= 2 && count <= 32)) return undefined;
  return { count, shared: shared !== undefined, named: unnamed === undefined };
}
