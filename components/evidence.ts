import * as pulumi from "@pulumi/pulumi";
import type { EvidenceInputs, EvidenceOutputs } from "#operations/phases/evidence";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<EvidenceInputs, EvidenceOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { isEvidenceDue } = await import("#phases/evidence");
    return { changes: isEvidenceDue(olds, news) };
  },
  async create(inputs) {
    const { evidencePhase } = await import("#phases/evidence");
    return { id: `evidence-${inputs.realm}`, outs: await evidencePhase(inputs) };
  },
  async update(_id, _olds, news) {
    const { evidencePhase } = await import("#phases/evidence");
    return { outs: await evidencePhase(news) };
  },
};

/**
 * Writes the evidence bundle of a rotation, and fails the run where the rotation is not verified. It comes last, so
 * that a red verification leaves its evidence; a phase that fails earlier writes the bundle itself.
 */
export class Evidence extends pulumi.dynamic.Resource {
  /** Directory of the bundle. */
  declare readonly directory: pulumi.Output<string>;
  declare readonly reportPath: pulumi.Output<string>;
  /** SHA-256 of the bundle's SHA256SUMS, hex. */
  declare readonly digest: pulumi.Output<string>;
  /** Milliseconds from the first retired key's disabling to the last instance's proof; null where none was retired. */
  declare readonly exposureWindowMs: pulumi.Output<number | null>;

  constructor(name: string, args: Args<EvidenceInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      directory: undefined,
      reportPath: undefined,
      digest: undefined,
      exposureWindowMs: undefined,
    };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "Evidence");
  }
}
