import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import type { CanaryReference } from "#operations/canaries/canary";
import type { ProbeClient } from "#operations/canaries/tokens";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { VerificationAttempt } from "#operations/evidence/findings";
import type { ProbeSettings } from "#operations/fleet/probe-settings";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { RestartResult, RestartSettings } from "#operations/fleet/restart";
import type { Target } from "#operations/fleet/targets";
import type { PassiveKey, RetiredKey } from "#operations/keys/retired-key";
import type { VerificationOutputs, VerificationPhaseRequest } from "#operations/phases/verify";
import type { Baseline } from "#operations/proof/canary-findings";
import type { EmergencyActions } from "#operations/proof/verification-request";
import type { VerificationResult } from "#operations/proof/verify";
import { configure } from "./configure.ts";

export interface VerificationArgs {
  run: RunContext;
  /** Where the API's processes are. */
  targets: Target[];
  probe: ProbeSettings;
  refresh: RefreshSettings;
  restart: RestartSettings;
  /** What was restarted to enforce the cut-over. */
  restarts: pulumi.Input<RestartResult[]>;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
  /** Secret. */
  probeClients: pulumi.Input<ProbeClient[]>;
  /** Secret. A client whose tokens live for a second. */
  expiredClient: pulumi.Input<ProbeClient>;
  newKids: pulumi.Input<pulumi.Input<string>[]>;
  retired: pulumi.Input<RetiredKey[]>;
  /** Keys that no longer sign and are still trusted. */
  passive: pulumi.Input<PassiveKey[]>;
  canaries: pulumi.Input<CanaryReference[]>;
  /** Secret: the canaries' tokens by their `jti`. */
  canaryTokens: pulumi.Input<Record<string, string>>;
  /** Every instance's verdict before the cut-over. Long, so best given as a secret: diffs then stay readable. */
  baseline: pulumi.Input<Baseline[]>;
  /** What was done beside the rotation of the signing keys. */
  beside: pulumi.Input<EmergencyActions>;
  /** Completion time of the cut-over to verify: another one makes it run again. */
  after: pulumi.Input<string>;
  /** When sessions were ended last, ISO 8601 UTC, or null: another time makes it run again. */
  revokedAt: pulumi.Input<string | null>;
  /** When internal keys were rotated last, ISO 8601 UTC, or null: another time makes it run again. */
  internalKeysAt: pulumi.Input<string | null>;
}

const provider: pulumi.dynamic.ResourceProvider<
  VerificationPhaseRequest,
  VerificationPhaseRequest & VerificationOutputs
> = {
  configure,
  async diff(_id, olds, news) {
    const { isVerificationDue } = await import("#phases/verify");
    return { changes: isVerificationDue(olds, news) };
  },
  async create(inputs) {
    const { verificationPhase } = await import("#phases/verify");
    return {
      id: `verification-${inputs.run.realm}`,
      outs: { ...inputs, ...(await verificationPhase(inputs)) },
    };
  },
  async update(_id, olds, news) {
    const { verificationPhase } = await import("#phases/verify");
    return { outs: { ...news, ...(await verificationPhase(news, olds)) } };
  },
};

/**
 * Proves, on every instance and at the issuer, that retired keys are refused, fresh tokens accepted and forged ones
 * refused. A red result is kept in the state as `verified: false`, where no `pulumi refresh` can launder it, and each
 * following `up` verifies again until it is green; `Evidence` makes the run fail.
 */
export class Verification extends pulumi.dynamic.Resource {
  declare readonly verified: pulumi.Output<boolean>;
  declare readonly result: pulumi.Output<VerificationResult>;
  /** Every verification of this rotation so far. */
  declare readonly attempts: pulumi.Output<VerificationAttempt[]>;
  declare readonly record: pulumi.Output<PhaseRecord>;

  constructor(name: string, args: VerificationArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      verified: undefined,
      result: undefined,
      verifiedAfter: undefined,
      attempts: undefined,
      earlier: undefined,
      record: undefined,
    };
    const secret = pulumi.mergeOptions(opts, { additionalSecretOutputs: ["earlier"] });
    super(provider, name, { ...outputs, ...args }, secret, "jwks", "Verification");
  }
}
