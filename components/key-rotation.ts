import * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/evidence";
import type { ProbeSettings } from "#operations/probes";
import type { PublishedKey } from "#operations/publish-key";
import type { Algorithm } from "#operations/realm-keys";
import type { RefreshSettings } from "#operations/refresh";
import type { RestartSettings } from "#operations/restart";
import type { Target } from "#operations/targets";
import { CanaryToken } from "./canary-token.ts";
import { Evidence } from "./evidence.ts";
import { JwksRefresh } from "./jwks-refresh.ts";
import { KeyCutover } from "./key-cutover.ts";
import { ProbeClients } from "./probe-clients.ts";
import { SigningKey } from "./signing-key.ts";
import { Verification } from "./verification.ts";

export interface KeyRotationArgs {
  run: RunContext;
  /** A signing key is made for each. Must cover every algorithm that a client of the realm asks for. */
  algorithms: Algorithm[];
  /** RSA modulus bits of new keys. */
  keySize: number;
  /** Names of key providers that stay trusted through an emergency. */
  exemptKeys: string[];
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. */
  jwksTimeoutMs: number;
  /** Where every running API process is found. */
  targets: Target[];
  refresh: RefreshSettings;
  /** What happens to an instance that can't be refreshed. */
  restart: RestartSettings;
  probe: ProbeSettings;
  /** What the API demands of a token beyond its signature: `aud` values, and realm roles of its service account. */
  probeClient: { audience: string[]; realmRoles: string[] };
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  refreshTokens: pulumi.Input<string[]>;
}

/**
 * One rotation of a realm's signing keys, from the canaries to the evidence. The phases wait for one another because
 * each takes what the one before it gives.
 */
export class KeyRotation extends pulumi.ComponentResource {
  /** Kids of the new keys, by algorithm. */
  readonly kids: pulumi.Output<Record<string, string>>;
  readonly retiredKids: pulumi.Output<string[]>;
  readonly verified: pulumi.Output<boolean>;
  readonly exposureWindowMs: pulumi.Output<number | undefined>;
  /** Path of the report that an auditor reads. */
  readonly report: pulumi.Output<string>;
  /** SHA-256 of the evidence bundle's SHA256SUMS, hex: write it into the ticket, and the bundle can't change unseen. */
  readonly evidenceDigest: pulumi.Output<string>;

  constructor(name: string, args: KeyRotationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("jwks:index:KeyRotation", name, {}, opts);
    const step = new Steps(this, name, args);
    const probes = step.prepareProbes();
    const canary = step.mintCanaries(probes);
    const keys = step.publish(canary);
    const cutover = step.cutOver(canary, keys);
    const refreshed = step.enforce(canary, keys, cutover);
    const verification = step.verify(probes, canary, keys, cutover, refreshed);
    const evidence = step.writeEvidence(canary, keys, cutover, refreshed, verification);
    this.kids = pulumi
      .all(keys.map(({ algorithm, kid }) => pulumi.all([algorithm, kid])))
      .apply((pairs) => Object.fromEntries<string>(pairs));
    this.retiredKids = kidsOf(cutover);
    this.verified = verification.verified;
    this.exposureWindowMs = evidence.exposureWindowMs;
    this.report = evidence.reportPath;
    this.evidenceDigest = evidence.digest;
    this.registerOutputs({
      kids: this.kids,
      retiredKids: this.retiredKids,
      verified: this.verified,
      report: this.report,
    });
  }
}

/** The phases of a rotation, each a resource. */
class Steps {
  readonly #parent: pulumi.Resource;
  readonly #name: string;
  readonly #args: KeyRotationArgs;

  constructor(parent: pulumi.Resource, name: string, args: KeyRotationArgs) {
    this.#parent = parent;
    this.#name = name;
    this.#args = args;
  }

  prepareProbes(): ProbeClients {
    const { run, algorithms, probeClient } = this.#args;
    return new ProbeClients(
      `${this.#name}-probe`,
      { realm: run.realm, algorithms, ...probeClient },
      this.#child(),
    );
  }

  mintCanaries(probes: ProbeClients): CanaryToken {
    const { run, exemptKeys, targets, probe, refresh, refreshTokens } = this.#args;
    return new CanaryToken(
      `${this.#name}-canary`,
      { run, exemptKeys, targets, probe, refresh, refreshTokens, probeClients: probes.clients },
      this.#child(probes),
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

  cutOver(canary: CanaryToken, keys: SigningKey[]): KeyCutover {
    const { run, exemptKeys, jwksUris, jwksTimeoutMs, targets, probe, refresh, refreshTokens } = this.#args;
    const componentIds = keys.map(({ componentId }) => componentId);
    const before = this.#findings(canary, keys);
    return new KeyCutover(
      `${this.#name}-cutover`,
      {
        run,
        exemptKeys,
        jwksUris,
        jwksTimeoutMs,
        componentIds,
        targets,
        probe,
        refresh,
        refreshTokens,
        canaryTokens: canary.tokens,
        before,
      },
      this.#child(...keys),
    );
  }

  enforce(canary: CanaryToken, keys: SigningKey[], cutover: KeyCutover): JwksRefresh {
    const { targets, probe, refresh, restart, refreshTokens } = this.#args;
    return new JwksRefresh(
      `${this.#name}-refresh`,
      {
        targets,
        probe,
        refresh,
        restart,
        refreshTokens,
        newKids: keys.map(({ kid }) => kid),
        ...provableKeys(canary, cutover),
      },
      this.#child(cutover),
    );
  }

  verify(
    probes: ProbeClients,
    canary: CanaryToken,
    keys: SigningKey[],
    cutover: KeyCutover,
    refreshed: JwksRefresh,
  ): Verification {
    const { run, targets, probe, refresh, restart, refreshTokens } = this.#args;
    return new Verification(
      `${this.#name}-verification`,
      {
        run,
        targets,
        probe,
        refresh,
        restart,
        restarts: refreshed.restarts,
        refreshTokens,
        probeClients: probes.clients,
        expiredClient: probes.expired,
        newKids: keys.map(({ kid }) => kid),
        ...provableKeys(canary, cutover),
      },
      this.#child(refreshed),
    );
  }

  writeEvidence(
    canary: CanaryToken,
    keys: SigningKey[],
    cutover: KeyCutover,
    refreshed: JwksRefresh,
    verification: Verification,
  ): Evidence {
    const later = [cutover.record, refreshed.record, verification.record];
    const findings = pulumi
      .all([
        this.#findings(canary, keys),
        pulumi.all(later),
        cutover.result,
        refreshed.results,
        refreshed.restarts,
        verification.result,
        verification.attempts,
      ])
      .apply(([before, records, cutover, refresh, restarts, verification, attempts]) => ({
        ...before,
        phases: [...before.phases, ...records],
        cutover,
        refresh,
        restarts,
        verification,
        attempts,
      }));
    return new Evidence(
      `${this.#name}-evidence`,
      { run: this.#args.run, findings },
      this.#child(verification),
    );
  }

  /**
   * What is known after the canaries, and after the keys where they are given. There is no secret in it; it is passed
   * as one because key sets and verdicts by the page would drown the diff that a reviewer has to read.
   */
  #findings(canary: CanaryToken, keys: SigningKey[] = []) {
    const published = pulumi.all(keys.map(publishedKey));
    const records = pulumi.all([canary.record, ...keys.map(({ record }) => record)]);
    const findings = pulumi
      .all([canary.findings, records, published])
      .apply(([findings, phases, published]) => ({ phases, canary: findings, published }));
    return pulumi.secret(findings);
  }

  #child(...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions {
    return { parent: this.#parent, dependsOn };
  }
}

/** The retired keys, and what can prove their death. */
function provableKeys(canary: CanaryToken, cutover: KeyCutover) {
  const { canaries, baseline } = canary.findings;
  return {
    retired: cutover.result.retired,
    canaries,
    canaryTokens: canary.tokens,
    baseline: pulumi.secret(
      pulumi.all([baseline, cutover.result.newcomers]).apply((verdicts) => verdicts.flat()),
    ),
    after: cutover.result.completedAt,
  };
}

function kidsOf(cutover: KeyCutover): pulumi.Output<string[]> {
  return cutover.result.retired.apply((keys) => keys.map(({ kid }) => kid));
}

function publishedKey(key: SigningKey): pulumi.Output<PublishedKey> {
  const { componentId, keyName: name, kid, algorithm, certificateThumbprint, publishedAt } = key;
  return pulumi.output({ componentId, name, kid, algorithm, certificateThumbprint, publishedAt });
}
