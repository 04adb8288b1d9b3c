import * as pulumi from "@pulumi/pulumi";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { InternalKeysResult } from "#operations/evidence/findings";
import type { InternalKeysInputs, InternalKeysOutputs } from "#operations/phases/internal-keys";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<InternalKeysInputs, InternalKeysOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { areInternalKeysDue } = await import("#phases/internal-keys");
    return { changes: areInternalKeysDue(news, olds) };
  },
  async create(inputs) {
    const { internalKeysPhase } = await import("#phases/internal-keys");
    return { id: `internal-keys-${inputs.realm}`, outs: await internalKeysPhase(inputs) };
  },
  async update(_id, olds, news) {
    const { internalKeysPhase } = await import("#phases/internal-keys");
    return { outs: await internalKeysPhase(news, olds) };
  },
};

/**
 * Rotates keys of the realm that no verifier ever sees: HMAC (refresh tokens, sessions), AES, RSA-OAEP. Never fails by
 * itself: what it could not do makes the verification red.
 */
export class InternalKeys extends pulumi.dynamic.Resource {
  /** Null where none had to be rotated. */
  declare readonly result: pulumi.Output<InternalKeysResult | null>;
  /** The rotation that they were last rotated for; null where they never were. */
  declare readonly rotatedFor: pulumi.Output<number | null>;
  declare readonly record: pulumi.Output<PhaseRecord | null>;

  constructor(name: string, args: Args<InternalKeysInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      result: undefined,
      rotatedFor: undefined,
      record: undefined,
    };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "InternalKeys");
  }
}
