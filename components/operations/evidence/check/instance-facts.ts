import type { Evidence } from "../evidence-schema.ts";

type Verification = NonNullable<Evidence["verification"]>;
export type Instance = Verification["instances"][number];
type Baseline = Evidence["baseline"][number];

/** What an instance's proof is checked against. */
export interface Facts {
  evidence: Evidence;
  verification: Verification;
  /** What the instance answered before the cut-over. */
  before: Baseline | undefined;
}
