import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import type { PhaseRecord } from "#operations/evidence/evidence-schema";
import type { SessionsResult } from "#operations/evidence/findings";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { Target } from "#operations/fleet/targets";
import type { Revoke } from "#operations/keycloak/revoke-sessions";
import type { SessionsOutputs, SessionsPhaseRequest } from "#operations/phases/revoke";
import { configure } from "./configure.ts";

export interface SessionRevocationArgs {
  run: RunContext;
  /** Which sessions end in an emergency. */
  revoke: Revoke;
  /** Path of the instances' deny-list operation, without the session's id. */
  denyListPath: string;
  /** Milliseconds for which an entry stays on the deny-list: the longest life of an access token. */
  denyForMs: number;
  /** Where the API's processes are. */
  targets: Target[];
  refresh: RefreshSettings;
  /** Secret. The bearer tokens of the internal operations that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
}

const provider: pulumi.dynamic.ResourceProvider<
  SessionsPhaseRequest,
  SessionsPhaseRequest & SessionsOutputs
> = {
  configure,
  async diff(_id, olds, news) {
    const { nextSessionsStep } = await import("#phases/revoke");
    return { changes: nextSessionsStep(news, olds) !== "nothing" };
  },
  async create(inputs) {
    const { sessionsPhase } = await import("#phases/revoke");
    return { id: `sessions-${inputs.run.realm}`, outs: { ...inputs, ...(await sessionsPhase(inputs)) } };
  },
  async update(_id, olds, news) {
    const { sessionsPhase } = await import("#phases/revoke");
    return { outs: { ...news, ...(await sessionsPhase(news, olds)) } };
  },
};

/**
 * Ends sessions at Keycloak and puts them on the deny-list of every instance, which can't know otherwise: it verifies
 * tokens by itself. The first update after their tokens have expired takes them off again. Never fails by itself: what
 * it could not do makes the verification red.
 */
export class SessionRevocation extends pulumi.dynamic.Resource {
  /** Null where no session had to end. */
  declare readonly result: pulumi.Output<SessionsResult | null>;
  /** When the sessions were ended, ISO 8601 UTC; null where none had to be. */
  declare readonly revokedAt: pulumi.Output<string | null>;
  /** The rotation that they were ended for; null where none had to be. */
  declare readonly revokedFor: pulumi.Output<number | null>;
  declare readonly record: pulumi.Output<PhaseRecord | null>;

  constructor(name: string, args: SessionRevocationArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      result: undefined,
      revokedAt: undefined,
      revokedFor: undefined,
      denyUntil: undefined,
      record: undefined,
    };
    super(provider, name, { ...outputs, ...args }, opts, "jwks", "SessionRevocation");
  }
}
