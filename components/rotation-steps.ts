import * as pulumi from "@pulumi/pulumi";
import type { Findings } from "#operations/evidence/findings";
import type { PublishedKey } from "#operations/keys/publish-key";
import { provableBy } from "#operations/proof/provable";
import type { AdminFreeze } from "./admin-freeze.ts";
import { CanaryToken } from "./canary-token.ts";
import { type BesideSteps, EmergencySteps } from "./emergency-steps.ts";
import { Evidence } from "./evidence.ts";
import { KeyAnnouncement } from "./key-announcement.ts";
import { KeyCutover } from "./key-cutover.ts";
import { KeyEnforcement } from "./key-enforcement.ts";
import type { KeyRotationArgs } from "./key-rotation-args.ts";
import { ProbeClients } from "./probe-clients.ts";
import { RealmCheck } from "./realm-check.ts";
import { SigningKey } from "./signing-key.ts";
import { Verification } from "./verification.ts";

export const rotationType = "jwks:index:KeyRotation";

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

  /** None where there is one realm: its problems stop the program before it has a resource. */
  check(): RealmCheck[] {
    const { run, problems = [] } = this.#args;
    if (run.realms.length === 1) return [];
    return [new RealmCheck(`${this.#name}-check`, { run, problems }, this.#child())];
  }

  prepareProbes(after: RealmCheck[]): ProbeClients {
    const { run, algorithms, probeClient, formerNames = [] } = this.#args;
    // The SDK hands aliases down by one generation only where the engine does not do it.
    const aliases = formerNames.map((former) => ({
      name: `${former}-probe`,
      parent: pulumi.createUrn(former, rotationType),
    }));
    return new ProbeClients(
      `${this.#name}-probe`,
      { realm: run.realm, algorithms, ...probeClient },
      { ...this.#child(...after), aliases },
    );
  }

  mintCanaries(probes: ProbeClients, frozen: AdminFreeze): CanaryToken {
    const { run, exemptKeys, targets, probe, refresh, apiRefreshTokens } = this.#args;
    return new CanaryToken(
      `${this.#name}-canary`,
      { run, exemptKeys, targets, probe, refresh, apiRefreshTokens, probeClients: probes.clients },
      this.#child(probes, frozen),
    );
  }

  publish(canary: CanaryToken): SigningKey[] {
    const { run, algorithms, keySize } = this.#args;
    const before = this.#findings(canary);
    return algorithms.map(
      (algorithm) =>
        new SigningKey(
          `${this.#name}-key-${algorithm}`,
          { run, algorithm, keySize, before },
          this.#child(canary),
        ),
    );
  }

  announce(canary: CanaryToken, keys: SigningKey[]): KeyAnnouncement {
    const { run, targets, refresh, restart, probe, apiRefreshTokens, jwksUris, jwksTimeoutMs } = this.#args;
    const newKids = keys.map(({ kid }) => kid);
    const before = this.#findings(canary, keys);
    return new KeyAnnouncement(
      `${this.#name}-announcement`,
      { run, targets, refresh, restart, probe, apiRefreshTokens, jwksUris, jwksTimeoutMs, newKids, before },
      this.#child(...keys),
    );
  }

  cutOver(canary: CanaryToken, keys: SigningKey[], announced: KeyAnnouncement): KeyCutover {
    const { run, exemptKeys, jwksUris, jwksTimeoutMs, targets, probe, refresh, apiRefreshTokens } =
      this.#args;
    const { overlapMs, keepRetired, actions } = this.#args;
    const componentIds = keys.map(({ componentId }) => componentId);
    const before = this.#findings(canary, keys, announced);
    return new KeyCutover(
      `${this.#name}-cutover`,
      {
        run,
        exemptKeys,
        overlapMs,
        keepRetired,
        actions,
        jwksUris,
        jwksTimeoutMs,
        componentIds,
        targets,
        probe,
        refresh,
        apiRefreshTokens,
        canaryTokens: canary.tokens,
        before,
      },
      this.#child(announced),
    );
  }

  enforce(canary: CanaryToken, cutover: KeyCutover, newKids: pulumi.Output<string[]>): KeyEnforcement {
    const { run, targets, probe, refresh, apiRefreshTokens } = this.#args;
    // In an overlap every instance has just been told, and restarted where need be: nothing has left the set since.
    const strategy = run.stage === "overlap" ? ("refresh" as const) : this.#args.restart.strategy;
    const restart = { ...this.#args.restart, strategy };
    return new KeyEnforcement(
      `${this.#name}-refresh`,
      {
        run,
        targets,
        probe,
        refresh,
        restart,
        apiRefreshTokens,
        newKids,
        ...provableKeys(canary, cutover),
      },
      this.#child(cutover),
    );
  }

  verify(
    probes: ProbeClients,
    canary: CanaryToken,
    cutover: KeyCutover,
    refreshed: KeyEnforcement,
    newKids: pulumi.Output<string[]>,
    beside: BesideSteps,
  ): Verification {
    const { run, targets, probe, refresh, restart, apiRefreshTokens } = this.#args;
    return new Verification(
      `${this.#name}-verification`,
      {
        run,
        targets,
        probe,
        refresh,
        restart,
        restarts: refreshed.restarts,
        apiRefreshTokens,
        probeClients: probes.clients,
        expiredClient: probes.expired,
        newKids,
        passive: cutover.result.apply(({ passive = [] }) => passive),
        beside: this.emergency.beside(beside, refreshed),
        revokedAt: beside.revoked.revokedAt,
        internalKeysAt: pulumi.output(beside.internal.record).apply((record) => record?.finishedAt ?? null),
        ...provableKeys(canary, cutover),
      },
      this.#child(refreshed),
    );
  }

  writeEvidence(
    canary: CanaryToken,
    keys: SigningKey[],
    announced: KeyAnnouncement,
    cutover: KeyCutover,
    refreshed: KeyEnforcement,
    verification: Verification,
    beside: BesideSteps,
  ): Evidence {
    const later = pulumi.all([cutover.record, refreshed.record, verification.record]);
    const findings = pulumi
      .all([
        this.#findings(canary, keys, announced),
        later,
        cutover.result,
        pulumi.all([refreshed.results, refreshed.restarts]),
        pulumi.all([verification.result, verification.attempts]),
        this.emergency.findings(beside),
      ])
      .apply(([before, records, cutover, [refresh, restarts], [verification, attempts], found]) => ({
        ...before,
        phases: [...before.phases, ...found.records, ...records],
        cutover,
        enforced: { refresh, restarts },
        emergency: found.findings,
        proof: { verification, attempts },
      }));
    return new Evidence(
      `${this.#name}-evidence`,
      { run: this.#args.run, findings, isThawing: this.emergency.isThawing(beside.frozen) },
      this.#child(verification),
    );
  }

  /**
   * What is known after the canaries, and after the keys where they are given. There is no secret in it; it is passed
   * as one because key sets and verdicts by the page would drown the diff that a reviewer has to read.
   */
  #findings(canary: CanaryToken, keys: SigningKey[] = [], announced?: KeyAnnouncement) {
    const published = pulumi.all(keys.map(publishedKey));
    const records = pulumi.all([canary.record, ...keys.map(({ record }) => record)]);
    const told = pulumi.all([announced?.announced, announced?.result, announced?.record]);
    const findings = pulumi
      .all([canary.findings, records, published, told])
      .apply(
        ([findings, phases, published, [kids = [], result, record]]): Findings &
          Required<Pick<Findings, "prepared">> => {
          const isCurrent = result && record && published.every(({ kid }) => kids.includes(kid));
          return {
            phases: isCurrent ? [...phases, record] : phases,
            prepared: { canary: findings, published, ...(isCurrent ? { announced: result } : {}) },
          };
        },
      );
    return pulumi.secret(findings);
  }

  #child(...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions {
    return { parent: this.#parent, dependsOn };
  }
}

/** The retired keys, and what can prove their death. */
function provableKeys(canary: CanaryToken, cutover: KeyCutover) {
  const proving = pulumi
    .all([canary.findings, cutover.result.retired])
    .apply(([findings, retired = []]) => provableBy(findings, retired));
  return {
    retired: cutover.result.retired,
    canaries: proving.apply(({ canaries }) => canaries),
    canaryTokens: canary.tokens,
    baseline: pulumi.secret(
      pulumi
        .all([proving, cutover.result.newcomers])
        .apply(([{ baseline }, newcomers = []]) => [...baseline, ...newcomers]),
    ),
    after: cutover.result.completedAt,
  };
}

/** The keys that sign now. A state of before there were rollbacks does not tell: then they are the rotation's own. */
export function signersOf(cutover: KeyCutover, keys: SigningKey[]) {
  const own = pulumi.all(keys.map(({ kid, algorithm }) => pulumi.output({ kid, algorithm })));
  return pulumi.all([cutover.result, own]).apply(([{ signers }, own]) => signers ?? own);
}

export function kidsOf(keys: readonly { kid: string }[]): string[] {
  return keys.map(({ kid }) => kid);
}

function publishedKey(key: SigningKey): pulumi.Output<PublishedKey> {
  const { componentId, keyName: name, kid, algorithm, certificateThumbprint, publishedAt } = key;
  return pulumi.output({ componentId, name, kid, algorithm, certificateThumbprint, publishedAt });
}
