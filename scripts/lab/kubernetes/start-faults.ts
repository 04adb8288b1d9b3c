import type { Behaviour } from "../sample-api/misbehaviour.ts";

const mute = new URL("./mute-bootstrap.ts", import.meta.url).href;

/** Environments that make a pod go wrong from its start, for {@link PodFleet.atNextStart}. */
export const startFaults = {
  /** It serves, but its log does not show the JWKS bootstrap. Only for pods whose processes the lab runs. */
  noBootstrapLine: { NODE_OPTIONS: `--import=${mute}` },
  /** Its container ends at once: a crash loop. */
  crash: { LOG_FORMAT: "neither text nor json" },
  misbehave: (behaviour: Behaviour) => ({ MISBEHAVE: behaviour }),
} as const;
