import * as pulumi from "@pulumi/pulumi";
import { type Packed, unpack } from "#operations/base/packed";
import type { WholeFindings } from "#operations/evidence/findings";
import { fleetDigest } from "#operations/fleet/place";
import { detailsFor } from "#operations/phases/phase-details";
import type { Before } from "#operations/phases/phase-request";
import { watchedKeys } from "#operations/phases/retired-keys";
import { allFindings, knownSoFar } from "#operations/phases/so-far";
import { isUnresolved } from "#operations/proof/relapse";
import type { WatchedKeys } from "#operations/proof/watch";
import { CanaryToken } from "./canary-token.ts";
import { type EmergencyResources, EmergencySteps } from "./emergency-steps.ts";
import { Evidence } from "./evidence.ts";
import { KeyAnnouncement } from "./key-announcement.ts";
import { KeyCutover } from "./key-cutover.ts";
import { KeyEnforcement } from "./key-enforcement.ts";
import type { KeyRotationArgs } from "./key-rotation-args.ts";
import { packed, phaseArgs } from "./phase-args.ts";
import { ProbeClients } from "./probe-clients.ts";
import { RealmCheck } from "./realm-check.ts";
import { RelapseWatch } from "./relapse-watch.ts";
import { SigningKey } from "./signing-key.ts";
import { Verification } from "./verification.ts";

export const rotationType = "jwks:index:KeyRotation";

/** The steps of a rotation that are made so far. */
export interface StepsSoFar {
  canary: CanaryToken;
  keys?: SigningKey[];
  announced?: KeyAnnouncement;
  cutover?: KeyCutover;
  enforced?: KeyEnforcement;
}

/** All of them but for the evidence, those of an emergency too. */
export type AllSteps = Required<StepsSoFar> & {
  verification: Verification;
  watch: RelapseWatch;
  emergency: EmergencyResources;
};

/** The phases of a rotation, each a resource. */
export class RotationSteps {
  readonly #parent: pulumi.Resource;
  readonly #name: string;
  readonly #args: KeyRotationArgs;
  readonly emergency: EmergencySteps;

  constructor(parent: pulumi.Resource, name: string, args: KeyRotationArgs) {
    this.#parent = parent;
    this.#name = name;
    this.#args = args;
    this.emergency = new EmergencySteps(parent, name, args);
  }

  check(): RealmCheck {
    const { run, problems: found = [] } = this.#args;
    // The problems of a lone realm stop the program before it has a resource.
    const problems = run.realms.length === 1 ? [] : found;
    return new RealmCheck(
      `${this.#name}-check`,
      { ...phaseArgs(detailsFor.check(this.#args)), problems },
      this.#child(),
    );
  }

  keepProbes(after: RealmCheck): ProbeClients {
    const { realm } = this.#args.run;
    return new ProbeClients(`${this.#name}-probes`, { realm }, this.#child(after));
  }

  /** Beside the freeze, never after it: an instance that hangs on being frozen must not keep a stolen key alive. */
  mintCanaries(probes: ProbeClients): CanaryToken {
    const { apiRefreshTokens } = this.#args;
    return new CanaryToken(
      `${this.#name}-canary`,
      { ...phaseArgs(detailsFor.canary(this.#args)), apiRefreshTokens },
      this.#child(probes),
    );
  }

  publish(canary: CanaryToken): SigningKey[] {
    const details = phaseArgs(detailsFor.publish(this.#args));
    const before = this.#before({ canary });
    return this.#args.algorithms.map(
      (algorithm) =>
        new SigningKey(
          `${this.#name}-key-${algorithm}`,
          { ...details, algorithm, before },
          this.#child(canary),
        ),
    );
  }

  announce(canary: CanaryToken, keys: SigningKey[]): KeyAnnouncement {
    const { apiRefreshTokens } = this.#args;
    const details = phaseArgs(detailsFor.announce(this.#args));
    const newKids = pulumi.all(keys.map(({ kid }) => kid));
    const before = this.#before({ canary, keys });
    return new KeyAnnouncement(
      `${this.#name}-announcement`,
      { ...details, apiRefreshTokens, newKids, before },
      this.#child(...keys),
    );
  }

  cutOver(canary: CanaryToken, keys: SigningKey[], announced: KeyAnnouncement): KeyCutover {
    const { apiRefreshTokens, actions } = this.#args;
    return new KeyCutover(
      `${this.#name}-cutover`,
      {
        ...phaseArgs(detailsFor.cutOver(this.#args)),
        apiRefreshTokens,
        pendingChanges: actions.length,
        componentIds: pulumi.all(keys.map(({ componentId }) => componentId)),
        before: this.#before({ canary, keys, announced }),
      },
      this.#child(announced),
    );
  }

  enforce(steps: Required<Omit<StepsSoFar, "enforced">>): KeyEnforcement {
    const { apiRefreshTokens } = this.#args;
    return new KeyEnforcement(
      `${this.#name}-enforcement`,
      {
        ...phaseArgs(detailsFor.enforce(this.#args)),
        apiRefreshTokens,
        before: this.#before(steps),
        after: steps.cutover.completedAt,
      },
      this.#child(steps.cutover),
    );
  }

  verify(steps: Required<StepsSoFar>, emergency: EmergencyResources): Verification {
    const { apiRefreshTokens } = this.#args;
    return new Verification(
      `${this.#name}-verification`,
      {
        ...phaseArgs(detailsFor.verify(this.#args)),
        apiRefreshTokens,
        before: this.#before(steps),
        emergency: this.emergency.actions(emergency, steps.enforced),
        after: steps.cutover.completedAt,
        openKids: this.#args.openKids,
        trustedKids: this.#args.trustedKids,
        fleetDigest: fleetDigest(this.#args.fleet),
        revokedAt: emergency.revoked.revokedAt,
        internalKeysAt: pulumi
          .output(emergency.internal.record)
          .apply((record) => record?.finishedAt ?? null),
      },
      this.#child(steps.enforced),
    );
  }

  watch(steps: Required<StepsSoFar>, verification: Verification): RelapseWatch {
    const { verified, verifiedAt, found } = verification;
    const keys = pulumi
      .all([this.#before(steps), found])
      .apply(([before, shown]) => watchedKeys(unpack(before), { found: shown }));
    return new RelapseWatch(
      `${this.#name}-watch`,
      {
        ...phaseArgs(detailsFor.watch(this.#args)),
        seconds: this.#args.emergency.watchSeconds,
        ...{ verified, verifiedAt },
        keys: packed<WatchedKeys>(keys),
      },
      this.#child(verification),
    );
  }

  writeEvidence({ verification, watch, emergency, ...steps }: AllSteps): Evidence {
    const { found, record, verifiedAt } = verification;
    const { watchedAfter, result } = watch;
    const findings = pulumi
      .all([
        this.#before(steps),
        pulumi.output({ found, record, verifiedAt }),
        this.emergency.findings(emergency),
        pulumi.output({ watchedAfter, result, record: watch.record }),
      ])
      .apply(([before, verified, actions, watched]) =>
        allFindings(unpack(before), verified, actions, watched),
      );
    return new Evidence(
      `${this.#name}-evidence`,
      {
        ...phaseArgs(detailsFor.evidence(this.#args)),
        findings: packed<WholeFindings>(findings),
        verifiedAt,
        watchedAt: watch.watchedAt,
        isThawing: this.emergency.isThawing(emergency.frozen),
      },
      this.#child(watch),
    );
  }

  /** What is known after these steps. */
  #before({ canary, keys = [], announced, cutover, enforced }: StepsSoFar): pulumi.Output<Packed<Before>> {
    const { canary: minted, record } = canary;
    const given = pulumi.output({
      canary: { canary: minted, record },
      keys: keys.map(publishedKey),
      ...(announced
        ? {
            announcement: {
              announced: announced.announced,
              result: announced.result,
              record: announced.record,
            },
          }
        : {}),
      ...(cutover ? { cutover: cutoverSoFar(cutover) } : {}),
      ...(enforced ? { enforcement: { result: enforced.result, record: enforced.record } } : {}),
    });
    return packed(given.apply((known) => knownSoFar(known)));
  }

  #child(...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions {
    return { parent: this.#parent, dependsOn };
  }
}

export function kidsOf(keys: readonly { kid: string }[]): string[] {
  return keys.map(({ kid }) => kid);
}

function cutoverSoFar({ result, controlTokens, record }: KeyCutover) {
  return { result, controlTokens, record };
}

/** Whether it is verified, and no retired key came back after that. */
export function stillProven(
  { verified, verifiedAt }: Verification,
  { watchedAfter, relapsed }: RelapseWatch,
): pulumi.Output<boolean> {
  return pulumi
    .output({ verified, verifiedAt, watchedAfter, relapsed })
    .apply((known) => known.verified && !isUnresolved(known, known.verifiedAt));
}

function publishedKey(key: SigningKey) {
  const { componentId, keyName: name, kid, algorithm, certificateThumbprint, publishedAt, record } = key;
  return { componentId, name, kid, algorithm, certificateThumbprint, publishedAt, record };
}
