import * as pulumi from "@pulumi/pulumi";
import type { Packed } from "#operations/base/packed";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { SessionsResult } from "#operations/evidence/findings";
import type { RevocationInputs, RevocationOutputs } from "#operations/phases/revoke";
import { configure } from "./configure.ts";
import type { Args } from "./phase-args.ts";

const provider: pulumi.dynamic.ResourceProvider<RevocationInputs, RevocationOutputs> = {
  configure,
  async diff(_id, olds, news) {
    const { nextSessionsStep } = await import("#phases/revoke");
    return { changes: nextSessionsStep(news, olds) !== "nothing" };
  },
  async create(inputs) {
    const { sessionsPhase } = await import("#phases/revoke");
    return { id: `sessions-${inputs.realm}`, outs: await sessionsPhase(inputs) };
  },
  async update(_id, olds, news) {
    const { sessionsPhase } = await import("#phases/revoke");
    return { outs: await sessionsPhase(news, olds) };
  },
};

/**
 * Ends sessions at Keycloak and puts them on the deny-list of every instance, which can't know otherwise: it verifies
 * tokens by itself. The first update after their tokens have expired takes them off again. Never fails by itself: what
 * it could not do makes the verification red.
 */
export class SessionRevocation extends pulumi.dynamic.Resource {
  /** Secret, for the length of it. Null where no session had to end. */
  declare readonly result: pulumi.Output<Packed<SessionsResult> | null>;
  /** When the sessions were ended, ISO 8601 UTC; null where none had to be. */
  declare readonly revokedAt: pulumi.Output<string | null>;
  /** The rotation that they were ended for; null where none had to be. */
  declare readonly revokedFor: pulumi.Output<number | null>;
  declare readonly record: pulumi.Output<PhaseRecord | null>;

  constructor(name: string, args: Args<RevocationInputs>, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      result: undefined,
      revokedAt: undefined,
      revokedFor: undefined,
      record: undefined,
    };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["result"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "SessionRevocation");
  }
}
