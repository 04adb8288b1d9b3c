import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { CalledInstance } from "#operations/call-instances";
import type { Findings, RunContext } from "#operations/evidence";
import type { Freeze } from "#operations/freeze-phase";
import type { InternalKeyKind } from "#operations/internal-keys";
import type { ProbeSettings } from "#operations/probes";
import type { PublishedKey } from "#operations/publish-key";
import type { Algorithm } from "#operations/realm-keys";
import type { RefreshSettings } from "#operations/refresh";
import type { RestartResult, RestartSettings } from "#operations/restart";
import type { Revoke } from "#operations/sessions-phase";
import type { Target } from "#operations/targets";
import type { Beside } from "#operations/verify";
import { AdminFreeze } from "./admin-freeze.ts";
import { AdminThaw } from "./admin-thaw.ts";
import { CanaryToken } from "./canary-token.ts";
import { Evidence } from "./evidence.ts";
import { InternalKeys } from "./internal-keys.ts";
import { JwksRefresh } from "./jwks-refresh.ts";
import { KeyAnnouncement } from "./key-announcement.ts";
import { KeyCutover } from "./key-cutover.ts";
import { ProbeClients } from "./probe-clients.ts";
import { RealmCheck } from "./realm-check.ts";
import { SessionRevocation } from "./session-revocation.ts";
import { SigningKey } from "./signing-key.ts";
import { Verification } from "./verification.ts";

export interface KeyRotationArgs {
  run: RunContext;
  /** What keeps the realm from being rotated, where the stack has several realms. Default: nothing. */
  problems?: string[];
  /** A signing key is made for each. Must cover every algorithm that a client of the realm asks for. */
  algorithms: Algorithm[];
  /** RSA modulus bits of new keys. */
  keySize: number;
  /** Names of key providers that stay trusted through an emergency. */
  exemptKeys: string[];
  /** Milliseconds for which keys that no longer sign stay trusted, where the mode is not emergency. */
  overlapMs: number;
  /** Rotations whose disabled keys stay in Keycloak when a later one is retired. */
  keepRetired: number;
  /** What the run is about to change in the realm, in words. */
  actions: string[];
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
  /** What an emergency does beside. */
  emergency: EmergencySettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  refreshTokens: pulumi.Input<string[]>;
}

/** What an emergency does beside the rotation of the signing keys. */
export interface EmergencySettings {
  freeze: Freeze;
  /** Path of the instances' freeze operation. */
  freezePath: string;
  internalKeys: InternalKeyKind[];
  revoke: Revoke;
  /** Path of the instances' deny-list operation, without the session's id. */
  denyListPath: string;
  /** Milliseconds for which a session stays on the deny-list: the longest life of an access token. */
  denyForMs: number;
  /** The administrator of our own with whom the deny-list is proven. */
  adminProbe: {
    path: string;
    realmRoles: string[];
    acceptedStatuses: number[];
    rejectedStatuses: number[];
  };
}

/**
 * One rotation of a realm's signing keys, from the canaries to the evidence. The phases wait for one another because
 * each takes what the one before it gives.
 */
export class KeyRotation extends pulumi.ComponentResource {
  /** Kids of the keys that sign now, by algorithm. */
  readonly kids: pulumi.Output<Record<string, string>>;
  /** Kids that are trusted until they are retired. */
  readonly passiveKids: pulumi.Output<string[]>;
  /** The first `up` after this time retires the passive keys, ISO 8601 UTC; null where there is none. */
  readonly retireAfter: pulumi.Output<string | null>;
  readonly retiredKids: pulumi.Output<string[]>;
  readonly verified: pulumi.Output<boolean>;
  /** Null where no key was retired. */
  readonly exposureWindowMs: pulumi.Output<number | null>;
  /** Path of the report that an auditor reads. */
  readonly report: pulumi.Output<string>;
  /** SHA-256 of the evidence bundle's SHA256SUMS, hex: write it into the ticket, and the bundle can't change unseen. */
  readonly evidenceDigest: pulumi.Output<string>;

  readonly #targets: readonly Target[];

  constructor(name: string, args: KeyRotationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("jwks:index:KeyRotation", name, {}, opts);
    this.#targets = args.targets;
    const step = new Steps(this, name, args);
    const check = step.check();
    const frozen = step.freeze(check);
    const probes = step.prepareProbes(check);
    const canary = step.mintCanaries(probes, frozen);
    const keys = step.publish(canary);
    const announced = step.announce(canary, keys);
    const cutover = step.cutOver(canary, keys, announced);
    const signers = signersOf(cutover, keys);
    const newKids = signers.apply(kidsOf);
    const beside = { frozen, revoked: step.revoke(cutover), internal: step.rotateInternalKeys(cutover) };
    const refreshed = step.enforce(canary, cutover, newKids);
    const verification = step.verify(probes, canary, cutover, refreshed, newKids, beside);
    const evidence = step.writeEvidence(canary, keys, announced, cutover, refreshed, verification, beside);
    step.thaw(frozen, evidence);
    this.kids = signers.apply((keys) =>
      Object.fromEntries(keys.map(({ algorithm, kid }) => [algorithm, kid])),
    );
    this.passiveKids = cutover.result.apply(({ passive = [] }) => kidsOf(passive));
    this.retireAfter = cutover.result.apply(({ retireAfter }) => retireAfter ?? null);
    this.retiredKids = cutover.result.retired.apply(kidsOf);
    this.verified = verification.verified;
    this.exposureWindowMs = evidence.exposureWindowMs;
    this.report = evidence.reportPath;
    this.evidenceDigest = evidence.digest;
    this.registerOutputs({
      kids: this.kids,
      passiveKids: this.passiveKids,
      retireAfter: this.retireAfter,
      retiredKids: this.retiredKids,
      verified: this.verified,
      report: this.report,
    });
  }

  /** Whether the instances of a target verify tokens of this realm. */
  covers(target: Target): boolean {
    return this.#targets.some((one) => isDeepStrictEqual(one, target));
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

  /** None where there is one realm: its problems stop the program before it has a resource. */
  check(): RealmCheck[] {
    const { run, problems = [] } = this.#args;
    if (run.realms.length === 1) return [];
    return [new RealmCheck(`${this.#name}-check`, { run, problems }, this.#child())];
  }

  prepareProbes(after: RealmCheck[]): ProbeClients {
    const { run, algorithms, probeClient } = this.#args;
    return new ProbeClients(
      `${this.#name}-probe`,
      { realm: run.realm, algorithms, ...probeClient },
      this.#child(...after),
    );
  }

  freeze(after: RealmCheck[]): AdminFreeze {
    const { run, targets, refresh, refreshTokens, emergency } = this.#args;
    const { freeze, freezePath } = emergency;
    return new AdminFreeze(
      `${this.#name}-freeze`,
      { run, freeze, freezePath, targets, refresh, refreshTokens },
      this.#child(...after),
    );
  }

  mintCanaries(probes: ProbeClients, frozen: AdminFreeze): CanaryToken {
    const { run, exemptKeys, targets, probe, refresh, refreshTokens } = this.#args;
    return new CanaryToken(
      `${this.#name}-canary`,
      { run, exemptKeys, targets, probe, refresh, refreshTokens, probeClients: probes.clients },
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
    const { run, targets, refresh, restart, probe, refreshTokens, jwksUris, jwksTimeoutMs } = this.#args;
    const newKids = keys.map(({ kid }) => kid);
    const before = this.#findings(canary, keys);
    return new KeyAnnouncement(
      `${this.#name}-announcement`,
      { run, targets, refresh, restart, probe, refreshTokens, jwksUris, jwksTimeoutMs, newKids, before },
      this.#child(...keys),
    );
  }

  cutOver(canary: CanaryToken, keys: SigningKey[], announced: KeyAnnouncement): KeyCutover {
    const { run, exemptKeys, jwksUris, jwksTimeoutMs, targets, probe, refresh, refreshTokens } = this.#args;
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
        refreshTokens,
        canaryTokens: canary.tokens,
        before,
      },
      this.#child(announced),
    );
  }

  revoke(cutover: KeyCutover): SessionRevocation {
    const { run, targets, refresh, refreshTokens, emergency } = this.#args;
    const { revoke, denyListPath, denyForMs } = emergency;
    return new SessionRevocation(
      `${this.#name}-sessions`,
      { run, revoke, denyListPath, denyForMs, targets, refresh, refreshTokens },
      this.#child(cutover),
    );
  }

  rotateInternalKeys(cutover: KeyCutover): InternalKeys {
    const { run, emergency } = this.#args;
    const name = `${this.#name}-internal-keys`;
    return new InternalKeys(name, { run, kinds: emergency.internalKeys }, this.#child(cutover));
  }

  enforce(canary: CanaryToken, cutover: KeyCutover, newKids: pulumi.Output<string[]>): JwksRefresh {
    const { run, targets, probe, refresh, refreshTokens } = this.#args;
    // In an overlap every instance has just been told, and restarted where need be: nothing has left the set since.
    const strategy = run.stage === "overlap" ? ("refresh" as const) : this.#args.restart.strategy;
    const restart = { ...this.#args.restart, strategy };
    return new JwksRefresh(
      `${this.#name}-refresh`,
      {
        run,
        targets,
        probe,
        refresh,
        restart,
        refreshTokens,
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
    refreshed: JwksRefresh,
    newKids: pulumi.Output<string[]>,
    beside: BesideSteps,
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
        newKids,
        passive: cutover.result.apply(({ passive = [] }) => passive),
        beside: this.#beside(beside, refreshed),
        revokedAt: beside.revoked.revokedAt,
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
    refreshed: JwksRefresh,
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
        this.#besideFindings(beside),
      ])
      .apply(([before, records, cutover, [refresh, restarts], [verification, attempts], found]) => ({
        ...before,
        ...found.findings,
        phases: [...before.phases, ...found.records, ...records],
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

  thaw(frozen: AdminFreeze, evidence: Evidence): AdminThaw {
    const { run, targets, refresh, refreshTokens, emergency } = this.#args;
    const { freeze, freezePath } = emergency;
    const { frozenAt } = frozen;
    return new AdminThaw(
      `${this.#name}-thaw`,
      { run, freeze, freezePath, targets, refresh, refreshTokens, frozenAt },
      freeze === "release" ? this.#child(frozen) : this.#child(evidence),
    );
  }

  /** What was done beside in this rotation; a result of an earlier one is none. */
  #current({ frozen, revoked, internal }: BesideSteps) {
    const { rotation, mode } = this.#args.run;
    const isCurrent = (madeFor: number | null) => mode === "emergency" && madeFor === rotation;
    return pulumi
      .all([
        pulumi.all([frozen.frozenFor, frozen.result, frozen.record]),
        pulumi.all([revoked.revokedFor, revoked.result, revoked.record]),
        pulumi.all([internal.rotatedFor, internal.result, internal.record]),
      ])
      .apply(([[frozenFor, freeze, frozenRecord], [revokedFor, sessions, revokedRecord], keys]) => {
        const [rotatedFor, internalKeys, rotatedRecord] = keys;
        return {
          freeze: isCurrent(frozenFor) ? { result: freeze, record: frozenRecord } : undefined,
          sessions: isCurrent(revokedFor) ? { result: sessions, record: revokedRecord } : undefined,
          internalKeys: isCurrent(rotatedFor) ? { result: internalKeys, record: rotatedRecord } : undefined,
        };
      });
  }

  #besideFindings(steps: BesideSteps) {
    return this.#current(steps).apply(({ freeze, sessions, internalKeys }) => ({
      records: [freeze?.record, sessions?.record, internalKeys?.record].flatMap((record) => record ?? []),
      findings: {
        ...(freeze?.result ? { freeze: freeze.result } : {}),
        ...(sessions?.result ? { sessions: sessions.result } : {}),
        ...(internalKeys?.result ? { internalKeys: internalKeys.result } : {}),
      },
    }));
  }

  #beside(steps: BesideSteps, refreshed: JwksRefresh): pulumi.Output<Beside> {
    const { run, emergency, probe, algorithms, probeClient } = this.#args;
    const { freeze: wish, freezePath, revoke, denyListPath, adminProbe } = emergency;
    const { path, realmRoles, acceptedStatuses, rejectedStatuses } = adminProbe;
    const [algorithm = "RS256"] = algorithms;
    const denyList = {
      denyListPath,
      probe: { ...probe, path, acceptedStatuses, rejectedStatuses },
      identity: { realmRoles, audience: probeClient.audience, algorithm },
    };
    const found = pulumi.all([this.#current(steps), refreshed.restarts]);
    const beside = found.apply(([{ freeze, sessions, internalKeys }, restarts]): Beside => {
      const idsOf = (called: readonly CalledInstance[]) => toldAndAlive(called, restarts);
      const sids = sessions?.result?.ended.map(({ sid }) => sid) ?? [];
      const { instances = [] } = freeze?.result ?? {};
      return {
        failures: [...(sessions?.result?.failures ?? []), ...(internalKeys?.result?.failures ?? [])],
        orders: {
          ...(instances.length > 0 && wish !== "release"
            ? { freeze: { path: freezePath, on: idsOf(instances) } }
            : {}),
          ...(sids.length > 0
            ? { deny: { path: denyListPath, sids, on: idsOf(sessions?.result?.denied ?? []) } }
            : {}),
        },
        ...(run.mode === "emergency" && revoke !== "none" ? { denyList } : {}),
      };
    });
    return pulumi.secret(beside);
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
      .apply(([findings, phases, published, [kids = [], result, record]]): Findings & CanaryFound => {
        const isCurrent = result && record && published.every(({ kid }) => kids.includes(kid));
        return {
          phases: isCurrent ? [...phases, record] : phases,
          canary: findings,
          published,
          ...(isCurrent ? { announced: result } : {}),
        };
      });
    return pulumi.secret(findings);
  }

  #child(...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions {
    return { parent: this.#parent, dependsOn };
  }
}

/** The steps beside the rotation of the signing keys. */
interface BesideSteps {
  frozen: AdminFreeze;
  revoked: SessionRevocation;
  internal: InternalKeys;
}

type CanaryFound = Required<Pick<Findings, "canary" | "published">>;

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

/** The keys that sign now. A state of before there were rollbacks does not tell: then they are the rotation's own. */
function signersOf(cutover: KeyCutover, keys: SigningKey[]) {
  const own = pulumi.all(keys.map(({ kid, algorithm }) => pulumi.output({ kid, algorithm })));
  return pulumi.all([cutover.result, own]).apply(([{ signers }, own]) => signers ?? own);
}

/** Instances that were told, but for those that have been restarted since and so know nothing of it. */
function toldAndAlive(called: readonly CalledInstance[], restarts: readonly RestartResult[]): string[] {
  const restarted = new Set(restarts.map(({ subject }) => subject));
  return called
    .filter(({ instance, outcome }) => outcome === "done" && !restarted.has(instance))
    .map(({ instance, uid }) => uid ?? instance);
}

function kidsOf(keys: readonly { kid: string }[]): string[] {
  return keys.map(({ kid }) => kid);
}

function publishedKey(key: SigningKey): pulumi.Output<PublishedKey> {
  const { componentId, keyName: name, kid, algorithm, certificateThumbprint, publishedAt } = key;
  return pulumi.output({ componentId, name, kid, algorithm, certificateThumbprint, publishedAt });
}
