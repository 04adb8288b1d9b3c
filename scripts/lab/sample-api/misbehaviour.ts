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
] as const;

export type MisbehaviourKind = (typeof misbehaviours)[number];

/** A misbehaviour, or `none`: the contract is kept. */
export type Behaviour = MisbehaviourKind | "none";

export function isBehaviour(text: unknown): text is Behaviour {
  return text === "none" || misbehaviours.some((kind) => kind === text);
}
