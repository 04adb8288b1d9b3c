import * as pulumi from "@pulumi/pulumi";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { EnforcementInputs, EnforcementOutputs } from "#operations/phases/enforce";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<EnforcementInputs, EnforcementOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isEnforcementDue } = await import("#phases/enforce");
    return { changes: isEnforcementDue(olds, news) };
  },
  async create(inputs) {
    const { enforcePhase } = await import("#phases/enforce");
    return { id: `enforcement-${inputs.realm}`, outs: await enforcePhase(inputs) };
  },
  async update(_id, _olds, news) {
    const { enforcePhase } = await import("#phases/enforce");
    return { outs: await enforcePhase(news) };
  },
};

/**
 * Has every instance fetch the JWKS anew, and restarts what can't be refreshed or keeps its cache. Runs after each
 * cut-over, and again on the next `up` while an instance is left. What an instance claims is not proof: that is
 * `Verification`'s.
 */
export class KeyEnforcement extends pulumi.dynamic.Resource {
  /** Secret, for the length of it: what came of each refresh and each restart. */
  declare readonly result: pulumi.Output<EnforcementOutputs["result"]>;
  /** Whether no instance is left that is known to need a refresh or a restart. */
  declare readonly complete: pulumi.Output<boolean>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: Args<EnforcementInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      result: undefined,
      complete: undefined,
      record: undefined,
    };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["result"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "KeyEnforcement");
  }
}
