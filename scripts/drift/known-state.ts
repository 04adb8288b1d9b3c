import { z } from "zod";
import type { CanaryReference } from "#operations/canaries/canary";
import type { ProbeClient } from "#operations/canaries/tokens";
import type { KnownRealm } from "#operations/drift/known-realm";
import type { ProbeSettings } from "#operations/fleet/probe-settings";
import type { RefreshSettings } from "#operations/fleet/refresh";
import type { Target } from "#operations/fleet/targets";
import type { PassiveKey, RetiredKey } from "#operations/keys/retired-key";
import { resourcesOf, type StackContents, type StateResource } from "../stack-reader.ts";

/** What this program has written into the state itself has the shape that its own types say. */
const own = <T>() => z.custom<T>((value) => typeof value === "object" && value !== null);

const run = z.object({ realm: z.string(), rotation: z.number(), mode: z.string() });
const result = z.object({
  activatedAt: z.string(),
  completedAt: z.string(),
  signers: z.array(own<{ kid: string; algorithm: string }>()),
  passive: z.array(own<PassiveKey>()).default([]),
  retired: z.array(own<RetiredKey>()).default([]),
});
/** What the last `up` has asked for is in the inputs: a resource that had nothing to do keeps the outputs of an earlier one. */
const cutoverShape = {
  inputs: z.object({
    run,
    exemptKeys: z.array(z.string()),
    jwksUris: z.array(z.string()),
    targets: z.array(own<Target>()),
    probe: own<ProbeSettings>(),
    refresh: own<RefreshSettings>(),
  }),
  outputs: z.object({ result }),
};
const canaryShape = {
  inputs: z.object({ run, probeClients: z.array(own<ProbeClient>()) }),
  outputs: z.object({
    findings: z.object({ canaries: z.array(own<CanaryReference>()) }),
    tokens: z.record(z.string(), z.string()),
  }),
};
const anyRun = z.object({ run });
const verificationShape = {
  inputs: anyRun,
  outputs: z.object({ verified: z.boolean(), verifiedAfter: z.string() }),
};
const freezeShape = { inputs: anyRun, outputs: z.object({ frozenAt: z.string().nullish() }) };
const thawShape = { inputs: anyRun, outputs: z.object({ thawed: z.string().nullish() }) };

/** The Secret of a target's refresh token, as the last `up` has left it. */
export interface KnownSecret {
  target: Extract<Target, { kind: "kubernetes" }>;
  name: string;
  /** Secret. */
  token: string;
}

const refreshTokenShape = {
  inputs: z.object({}),
  outputs: z.object({
    tokens: z.array(z.string()),
    place: z
      .looseObject({ target: own<KnownSecret["target"]>(), secret: z.object({ name: z.string() }) })
      .nullish(),
  }),
};

/** The realms that the stack's state knows; those that have never come to a cut-over are not among them. */
export function knownRealms(contents: StackContents): KnownRealm[] {
  const canaries = readAll(contents, "CanaryToken", canaryShape);
  const verifications = readAll(contents, "Verification", verificationShape);
  const freezes = readAll(contents, "AdminFreeze", freezeShape);
  const thaws = readAll(contents, "AdminThaw", thawShape);
  return readAll(contents, "KeyCutover", cutoverShape).map((cutover) => {
    const of = <T extends { run: { realm: string } }>(list: readonly T[]) =>
      list.find((one) => one.run.realm === cutover.run.realm);
    const { completedAt, ...keys } = cutover.result;
    const [canary, verification] = [of(canaries), of(verifications)];
    const frozenAt = of(freezes)?.frozenAt;
    const { realm, rotation, mode } = cutover.run;
    const { exemptKeys, jwksUris, targets, probe, refresh } = cutover;
    return {
      ...{ realm, rotation, mode, ...keys, exemptKeys, jwksUris, targets, probe, refresh },
      verified: verification?.verified === true && verification.verifiedAfter === completedAt,
      probeClients: canary?.probeClients ?? [],
      canaries: canary?.findings.canaries ?? [],
      canaryTokens: canary?.tokens ?? {},
      ...(frozenAt && of(thaws)?.thawed !== frozenAt ? { frozenAt } : {}),
    };
  });
}

/** The Secrets that the stack keeps. */
export function knownSecrets(contents: StackContents): KnownSecret[] {
  return readAll(contents, "ApiRefreshTokenHistory", refreshTokenShape).flatMap(
    ({ tokens: [token], place }) =>
      place && token !== undefined ? [{ target: place.target, name: place.secret.name, token }] : [],
  );
}

interface Shape<I, O> {
  inputs: z.ZodType<I>;
  outputs: z.ZodType<O>;
}

function readAll<I, O>(contents: StackContents, kind: string, shape: Shape<I, O>): (I & O)[] {
  return resourcesOf(contents, kind).flatMap((one) => read(one, shape));
}

/** A resource that a killed run has left half-way has no outputs yet. */
function read<I, O>({ inputs, outputs }: StateResource, shape: Shape<I, O>): (I & O)[] {
  const [asked, came] = [shape.inputs.safeParse(inputs), shape.outputs.safeParse(outputs)];
  return asked.success && came.success ? [{ ...asked.data, ...came.data }] : [];
}
