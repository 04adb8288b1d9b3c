import * as pulumi from "@pulumi/pulumi";
import { type Packed, unpack } from "#operations/base/packed";
import {
  type CurrentActions,
  currentActions,
  emergencyActions,
  emergencySoFar,
  isThawing,
} from "#operations/phases/emergency-so-far";
import { detailsFor } from "#operations/phases/phase-details";
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
    const { apiRefreshTokens, emergency } = this.#args;
    return { ...phaseArgs(detailsFor.freeze(this.#args)), freeze: emergency.freeze, apiRefreshTokens };
  }

  revoke(cutover: KeyCutover): SessionRevocation {
    const { apiRefreshTokens, emergency } = this.#args;
    const { revoke, denyForMs } = emergency;
    return new SessionRevocation(
      `${this.#name}-sessions`,
      { ...phaseArgs(detailsFor.revoke(this.#args)), revoke, denyForMs, apiRefreshTokens },
      this.#child(cutover),
    );
  }

  rotateInternalKeys(cutover: KeyCutover): InternalKeys {
    const { internalKeys } = this.#args.emergency;
    const name = `${this.#name}-internal-keys`;
    const details = phaseArgs(detailsFor.internalKeys(this.#args));
    return new InternalKeys(name, { ...details, internalKeys }, this.#child(cutover));
  }

  /** Whether this rotation has frozen what is still to be thawed. */
  isThawing({ frozenFor }: AdminFreeze): pulumi.Output<boolean> {
    return frozenFor.apply((madeFor) => isThawing(this.#args, madeFor));
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
  #current({ frozen, revoked, internal }: EmergencyResources): pulumi.Output<CurrentActions> {
    const { rotation } = this.#args.run;
    return pulumi
      .all([
        pulumi.all([frozen.frozenFor, frozen.result, frozen.record]),
        pulumi.all([revoked.revokedFor, revoked.result, revoked.record]),
        pulumi.all([internal.rotatedFor, internal.result, internal.record]),
      ])
      .apply(([[frozenFor, freeze, frozenRecord], [revokedFor, sessions, revokedRecord], keys]) => {
        const [rotatedFor, internalKeys, rotatedRecord] = keys;
        return currentActions(rotation, {
          frozen: { frozenFor, result: freeze, record: frozenRecord },
          revoked: { revokedFor, result: sessions, record: revokedRecord },
          internal: { rotatedFor, result: internalKeys, record: rotatedRecord },
        });
      });
  }

  findings(steps: EmergencyResources) {
    return this.#current(steps).apply((current) => emergencySoFar(current));
  }

  actions(steps: EmergencyResources, enforced: KeyEnforcement): pulumi.Output<Packed<EmergencyActions>> {
    const found = pulumi.all([this.#current(steps), enforced.result]);
    return packed(
      found.apply(([current, enforcement]) =>
        emergencyActions(this.#args, current, unpack(enforcement).restarts),
      ),
    );
  }

  #child(...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions {
    return { parent: this.#parent, dependsOn };
  }
}
