import * as pulumi from "@pulumi/pulumi";
import type { Packed } from "#operations/base/packed";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { CutoverFindings } from "#operations/evidence/findings";
import type { CutoverInputs, CutoverOutputs } from "#operations/phases/cut-over";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<CutoverInputs, CutoverOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isCutoverDue } = await import("#phases/cut-over");
    return { changes: isCutoverDue(olds, news) };
  },
  async create(inputs) {
    const { cutoverPhase } = await import("#phases/cut-over");
    return { id: `cutover-${inputs.realm}`, outs: await cutoverPhase(inputs) };
  },
  async update(_id, olds, news) {
    const { cutoverPhase } = await import("#phases/cut-over");
    return { outs: await cutoverPhase(news, olds) };
  },
  async read(id, props) {
    const { isSettled } = await import("#phases/cut-over");
    return props ? { id, props: { ...props, settled: await isSettled(props) } } : { id };
  },
  async delete(_id, props) {
    const { forgetCutover } = await import("#phases/cut-over");
    forgetCutover(props);
  },
};

/**
 * Makes the new keys the realm's signers and then moves every other signing key, unmanaged and `fallback-*` ones
 * included: in an emergency they are disabled, else they stay trusted, until the first update after `retireAfter`
 * disables them. Waits until every JWKS URL shows it. Retiring is an update, never a delete: deletes run after
 * everything else, and a probe could not wait for them.
 */
export class KeyCutover extends pulumi.dynamic.Resource {
  /** The keys that sign now. */
  declare readonly signers: pulumi.Output<CutoverFindings["signers"]>;
  /** Keys that no longer sign and are still trusted. */
  declare readonly passive: pulumi.Output<CutoverFindings["passive"]>;
  /** When those may be retired, ISO 8601 UTC; null where there is none. */
  declare readonly retireAfter: pulumi.Output<string | null>;
  declare readonly retired: pulumi.Output<CutoverFindings["retired"]>;
  /** When every JWKS URL had shown the new set, ISO 8601 UTC. */
  declare readonly completedAt: pulumi.Output<string>;
  /** Secret, for the length of it: everything that was found. */
  declare readonly result: pulumi.Output<Packed<CutoverFindings>>;
  /** Secret. The control tokens by their `jti`. */
  declare readonly controlTokens: pulumi.Output<Packed<Record<string, string>>>;
  /** Whether the realm was as the cut-over left it when it was last looked at. */
  declare readonly settled: pulumi.Output<boolean>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: Args<CutoverInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      signers: undefined,
      passive: undefined,
      retireAfter: undefined,
      retired: undefined,
      completedAt: undefined,
      result: undefined,
      controlTokens: undefined,
      settled: undefined,
      record: undefined,
    };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["result", "controlTokens"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "KeyCutover");
  }
}
