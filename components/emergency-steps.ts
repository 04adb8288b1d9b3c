import * as pulumi from "@pulumi/pulumi";
import { type Packed, unpack } from "#operations/base/packed";
import type { CalledInstance } from "#operations/fleet/call-instances";
import { idOf } from "#operations/fleet/instances";
import type { RestartResult } from "#operations/fleet/restart";
import type { EmergencyActions } from "#operations/proof/verification-request";
import { AdminFreeze } from "./admin-freeze.ts";
import { AdminThaw } from "./admin-thaw.ts";
import type { Evidence } from "./evidence.ts";
import { InternalKeys } from "./internal-keys.ts";
import type { KeyCutover } from "./key-cutover.ts";
import type { KeyEnforcement } from "./key-enforcement.ts";
import type { KeyRotationArgs } from "./key-rotation-args.ts";
import { packed, phaseArgs } from "./phase-args.ts";
import type { RealmCheck } from "./realm-check.ts";
import { SessionRevocation } from "./session-revocation.ts";
import type { Verification } from "./verification.ts";

/** What an emergency has in addition to the rotation of the signing keys. */
export interface EmergencyResources {
  frozen: AdminFreeze;
  revoked: SessionRevocation;
  internal: InternalKeys;
}

/** What an emergency does in addition to rotating the signing keys, each a resource. */
export class EmergencySteps {
  readonly #parent: pulumi.Resource;
  readonly #name: string;
  readonly #args: KeyRotationArgs;

  constructor(parent: pulumi.Resource, name: string, args: KeyRotationArgs) {
    this.#parent = parent;
    this.#name = name;
    this.#args = args;
  }

  freeze(after: RealmCheck): AdminFreeze {
    return new AdminFreeze(`${this.#name}-freeze`, this.#freezeArgs(), this.#child(after));
  }

  #freezeArgs() {
    const { run, fleet, apiRefreshTokens, emergency } = this.#args;
    const { freeze, freezePath } = emergency;
    return { ...phaseArgs({ run, fleet, freezePath }), freeze, apiRefreshTokens };
  }

  revoke(cutover: KeyCutover): SessionRevocation {
    const { run, fleet, apiRefreshTokens, emergency } = this.#args;
    const { revoke, denyListPath, denyForMs } = emergency;
    return new SessionRevocation(
      `${this.#name}-sessions`,
      { ...phaseArgs({ run, fleet, denyListPath }), revoke, denyForMs, apiRefreshTokens },
      this.#child(cutover),
    );
  }

  rotateInternalKeys(cutover: KeyCutover): InternalKeys {
    const { run, emergency } = this.#args;
    const { internalKeys } = emergency;
    const name = `${this.#name}-internal-keys`;
    return new InternalKeys(name, { ...phaseArgs({ run }), internalKeys }, this.#child(cutover));
  }

  /** Whether this rotation has frozen what is still to be thawed. */
  isThawing({ frozenFor }: AdminFreeze): pulumi.Output<boolean> {
    const { run, emergency } = this.#args;
    return frozenFor.apply((madeFor) => madeFor === run.rotation && emergency.freeze !== "release");
  }

  thaw(frozen: AdminFreeze, verification: Verification, evidence: Evidence): AdminThaw {
    const { frozenAt } = frozen;
    const isReleased = this.#args.emergency.freeze === "release";
    // A verification freezes what has come since; so each of them is followed by a thaw.
    const verifiedAt = isReleased
      ? null
      : pulumi
          .all([this.isThawing(frozen), verification.verifiedAt])
          .apply(([isThawing, at]) => (isThawing ? (at ?? null) : null));
    return new AdminThaw(
      `${this.#name}-thaw`,
      { ...this.#freezeArgs(), frozenAt, verifiedAt },
      isReleased ? this.#child(frozen) : this.#child(evidence),
    );
  }

  /** What was done of it in this rotation; the result of an earlier one does not count. */
  #current({ frozen, revoked, internal }: EmergencyResources) {
    const { rotation } = this.#args.run;
    // Back in mode planned, what an emergency left undone is still undone.
    const isCurrent = (madeFor: number | null) => madeFor === rotation;
    return pulumi
      .all([
        pulumi.all([frozen.frozenFor, frozen.result, frozen.record]),
        pulumi.all([revoked.revokedFor, revoked.result, revoked.record]),
        pulumi.all([internal.rotatedFor, internal.result, internal.record]),
      ])
      .apply(([[frozenFor, freeze, frozenRecord], [revokedFor, sessions, revokedRecord], keys]) => {
        const [rotatedFor, internalKeys, rotatedRecord] = keys;
        return {
          freeze: isCurrent(frozenFor)
            ? { result: freeze === null ? null : unpack(freeze), record: frozenRecord }
            : undefined,
          sessions: isCurrent(revokedFor)
            ? { result: sessions === null ? null : unpack(sessions), record: revokedRecord }
            : undefined,
          internalKeys: isCurrent(rotatedFor) ? { result: internalKeys, record: rotatedRecord } : undefined,
        };
      });
  }

  findings(steps: EmergencyResources) {
    return this.#current(steps).apply(({ freeze, sessions, internalKeys }) => ({
      records: [freeze?.record, sessions?.record, internalKeys?.record].flatMap((record) => record ?? []),
      findings: {
        ...(freeze?.result ? { freeze: freeze.result } : {}),
        ...(sessions?.result ? { sessions: sessions.result } : {}),
        ...(internalKeys?.result ? { internalKeys: internalKeys.result } : {}),
      },
    }));
  }

  actions(steps: EmergencyResources, enforced: KeyEnforcement): pulumi.Output<Packed<EmergencyActions>> {
    const { run, emergency, fleet, algorithms, probeIdentity } = this.#args;
    const { freeze: wish, freezePath, revoke, denyListPath, adminProbe } = emergency;
    const { path, realmRoles, acceptedStatuses, rejectedStatuses } = adminProbe;
    const [algorithm = "RS256"] = algorithms;
    const denyList = {
      denyListPath,
      probe: { ...fleet.probe, path, acceptedStatuses, rejectedStatuses },
      identity: { realmRoles, audience: [...probeIdentity.audience], algorithm },
    };
    const found = pulumi.all([this.#current(steps), enforced.result]);
    const actions = found.apply(([{ freeze, sessions, internalKeys }, enforcement]): EmergencyActions => {
      const { restarts } = unpack(enforcement);
      const idsOf = (called: readonly CalledInstance[]) => toldAndAlive(called, restarts);
      const sids = sessions?.result?.ended.map(({ sid }) => sid) ?? [];
      const { instances = [] } = freeze?.result ?? {};
      return {
        failures: [...(sessions?.result?.failures ?? []), ...(internalKeys?.result?.failures ?? [])],
        orders: {
          ...(instances.length > 0 && wish !== "release"
            ? { freeze: { path: freezePath, on: idsOf(instances), since: freeze?.record?.startedAt ?? "" } }
            : {}),
          ...(sids.length > 0
            ? { deny: { path: denyListPath, sids, on: idsOf(sessions?.result?.denied ?? []) } }
            : {}),
        },
        ...((run.mode === "emergency" && revoke !== "none") || sessions ? { denyList } : {}),
      };
    });
    return packed(actions);
  }

  #child(...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions {
    return { parent: this.#parent, dependsOn };
  }
}

/** Instances that were called, without those that were restarted since and so have lost it. */
function toldAndAlive(called: readonly CalledInstance[], restarts: readonly RestartResult[]): string[] {
  const restarted = new Set(restarts.map(({ subject }) => subject));
  return called.filter(({ instance, outcome }) => outcome === "done" && !restarted.has(instance)).map(idOf);
}
