import { z } from "zod";
import type { PassiveKey, RetiredKey } from "#operations/cut-over";
import type { KnownRealm } from "#operations/drift/known-realm";
import type { CanaryReference } from "#operations/mint-canaries";
import type { ProbeSettings } from "#operations/probes";
import type { RefreshSettings } from "#operations/refresh";
import type { Target } from "#operations/targets";
import type { ProbeClient } from "#operations/tokens";
import type { StackContents, StateResource } from "../stack-reader.ts";

/** What this program has written into the state itself has the shape that its own types say. */
const own = <T>() => z.custom<T>((value) => typeof value === "object" && value !== null);

const run = z.looseObject({ realm: z.string(), rotation: z.number(), mode: z.string() });
const result = z.looseObject({
  activatedAt: z.string(),
  completedAt: z.string(),
  signers: z.array(own<{ kid: string; algorithm: string }>()),
  passive: z.array(own<PassiveKey>()).default([]),
  retired: z.array(own<RetiredKey>()).default([]),
});
const cutoverShape = z.looseObject({
  run,
  exemptKeys: z.array(z.string()),
  jwksUris: z.array(z.string()),
  targets: z.array(own<Target>()),
  probe: own<ProbeSettings>(),
  refresh: own<RefreshSettings>(),
  canaryTokens: z.record(z.string(), z.string()),
  result,
});
const canaryShape = z.looseObject({
  run,
  probeClients: z.array(own<ProbeClient>()),
  findings: z.looseObject({ canaries: z.array(own<CanaryReference>()) }),
});
const verificationShape = z.looseObject({ run, verified: z.boolean(), verifiedAfter: z.string() });
const freezeShape = z.looseObject({ run, frozenAt: z.string().nullish() });
const thawShape = z.looseObject({ run, thawed: z.string().nullish() });

/** The Secret of a target's refresh token, as the last `up` has left it. */
export interface KnownSecret {
  target: Extract<Target, { kind: "kubernetes" }>;
  name: string;
  /** Secret. */
  token: string;
}

const refreshTokenShape = z.looseObject({
  tokens: z.array(z.string()),
  place: z
    .looseObject({ target: own<KnownSecret["target"]>(), secret: z.looseObject({ name: z.string() }) })
    .nullish(),
});

/** The realms that the stack's state knows; those that have never come to a cut-over are not among them. */
export function knownRealms(contents: StackContents): KnownRealm[] {
  const canaries = outputsOf(contents, "CanaryToken", canaryShape);
  const verifications = outputsOf(contents, "Verification", verificationShape);
  const freezes = outputsOf(contents, "AdminFreeze", freezeShape);
  const thaws = outputsOf(contents, "AdminThaw", thawShape);
  return outputsOf(contents, "KeyCutover", cutoverShape).map((cutover) => {
    const of = <T extends { run: { realm: string } }>(list: readonly T[]) =>
      list.find((one) => one.run.realm === cutover.run.realm);
    const { completedAt, ...keys } = cutover.result;
    const [canary, verification] = [of(canaries), of(verifications)];
    const frozenAt = of(freezes)?.frozenAt;
    const { realm, rotation, mode } = cutover.run;
    const { exemptKeys, jwksUris, targets, probe, refresh, canaryTokens } = cutover;
    return {
      ...{ realm, rotation, mode, ...keys, exemptKeys, jwksUris, targets, probe, refresh, canaryTokens },
      verified: verification?.verified === true && verification.verifiedAfter === completedAt,
      probeClients: canary?.probeClients ?? [],
      canaries: canary?.findings.canaries ?? [],
      ...(frozenAt && of(thaws)?.thawed !== frozenAt ? { frozenAt } : {}),
    };
  });
}

/** The Secrets that the stack keeps. */
export function knownSecrets(contents: StackContents): KnownSecret[] {
  return outputsOf(contents, "RefreshToken", refreshTokenShape).flatMap(({ tokens: [token], place }) =>
    place && token !== undefined ? [{ target: place.target, name: place.secret.name, token }] : [],
  );
}

function outputsOf<T>({ resources }: StackContents, kind: string, shape: z.ZodType<T>): T[] {
  return resources.filter(({ type }) => type.endsWith(`jwks:${kind}`)).flatMap((one) => read(one, shape));
}

/** A resource that a killed run has left half-way has no outputs yet. */
function read<T>({ outputs }: StateResource, shape: z.ZodType<T>): T[] {
  const parsed = shape.safeParse(outputs);
  return parsed.success ? [parsed.data] : [];
}
