import { z } from "zod";
import { unpack } from "#operations/base/packed";
import type { ProbeIdentity } from "#operations/canaries/probe-clients";
import type { KnownRealm } from "#operations/drift/known-realm";
import type { CutoverFindings } from "#operations/evidence/findings";
import type { FleetSettings } from "#operations/fleet/fleet";
import type { Target } from "#operations/fleet/targets";
import type { CanaryResult } from "#operations/proof/canary-findings";
import type { LedgerState } from "#operations/proof/ledger/state";
import { isUnresolved } from "#operations/proof/relapse";
import { resourcesOf, type StackContents, type StateResource } from "../stack-reader.ts";

/** What this program has written into the state itself has the shape that its own types say. */
const own = <T>() => z.custom<T>((value) => typeof value === "object" && value !== null);

const step = z.object({ realm: z.string(), rotation: z.number(), mode: z.string() });

/** A packed value that this program has written. */
const packed = <T>() => z.string().transform((text) => unpack<T>(text));

/** The inputs hold the request of the last `up`; a resource that had nothing to do keeps the outputs of an earlier `up`. */
const cutoverShape = {
  inputs: step.extend({
    details: packed<{ exemptKeys: string[]; jwksUris: string[]; fleet: FleetSettings }>(),
  }),
  outputs: z.object({ result: packed<CutoverFindings>() }),
};
const canaryShape = {
  inputs: step.extend({ details: packed<{ probeIdentity: ProbeIdentity }>() }),
  outputs: z.object({ canary: packed<CanaryResult>() }),
};
const verificationShape = {
  inputs: step,
  outputs: z.object({
    verified: z.boolean(),
    verifiedAfter: z.string(),
    verifiedAt: z.string(),
    found: packed<{ ledger?: LedgerState }>(),
  }),
};
const watchShape = {
  inputs: step,
  outputs: z.object({ relapsed: z.boolean(), watchedAfter: z.string().nullable() }),
};
const freezeShape = { inputs: step, outputs: z.object({ frozenAt: z.string().nullish() }) };
const thawShape = { inputs: step, outputs: z.object({ thawed: z.string().nullish() }) };

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

/** The realms in the stack's state, without those that have never had a cut-over. */
export function knownRealms(contents: StackContents): KnownRealm[] {
  const canaries = readAll(contents, "CanaryToken", canaryShape);
  const verifications = readAll(contents, "Verification", verificationShape);
  const watches = readAll(contents, "RelapseWatch", watchShape);
  const freezes = readAll(contents, "AdminFreeze", freezeShape);
  const thaws = readAll(contents, "AdminThaw", thawShape);
  return readAll(contents, "KeyCutover", cutoverShape).map((cutover) => {
    const of = <T extends { realm: string }>(list: readonly T[]) =>
      list.find((one) => one.realm === cutover.realm);
    const { realm, rotation, mode, result } = cutover;
    const { exemptKeys, jwksUris, fleet } = cutover.details;
    const { activatedAt, signers, passive, completedAt } = result;
    const [canary, verification] = [of(canaries), of(verifications)];
    const frozenAt = of(freezes)?.frozenAt;
    const { targets, probe, refresh } = fleet;
    return {
      ...{ realm, rotation, mode, activatedAt, signers, passive },
      ...knownDeaths(result, verification?.found.ledger),
      ...{ exemptKeys, jwksUris, targets, probe, refresh },
      verified:
        verification?.verified === true &&
        verification.verifiedAfter === completedAt &&
        !isUnresolved(of(watches) ?? {}, verification.verifiedAt),
      algorithms: canary?.details.probeIdentity.algorithms ?? [],
      canaries: canary?.canary.findings.canaries ?? [],
      canaryTokens: canary?.canary.tokens ?? {},
      ...(frozenAt && of(thaws)?.thawed !== frozenAt ? { frozenAt } : {}),
    };
  });
}

/** Of each dead key, what the last verification knows, or else the last cut-over. */
function knownDeaths(
  { retired, gone = [] }: CutoverFindings,
  { rows }: LedgerState = { rows: [], cells: {} },
): Pick<KnownRealm, "retired" | "closed" | "acknowledged"> {
  const dead = new Map([...retired, ...gone, ...rows].map((key) => [key.kid, key]));
  return {
    retired: [...dead.values()],
    closed: rows.filter(({ closing }) => closing !== undefined).map(({ kid }) => kid),
    acknowledged: rows.filter(({ closing }) => closing?.by === "acknowledged").map(({ kid }) => kid),
  };
}

/** The Secrets that the stack keeps. */
export function knownSecrets(contents: StackContents): KnownSecret[] {
  return readAll(contents, "ApiRefreshTokenHistory", refreshTokenShape).flatMap(
    ({ tokens: [token], place }) =>
      place && token !== undefined ? [{ target: place.target, name: place.secret.name, token }] : [],
  );
}

/** Secret. Every API refresh token that an instance may have, the latest of each place first. */
export function knownApiRefreshTokens(contents: StackContents): string[] {
  return readAll(contents, "ApiRefreshTokenHistory", refreshTokenShape).flatMap(({ tokens }) => tokens);
}

interface Shape<I, O> {
  inputs: z.ZodType<I>;
  outputs: z.ZodType<O>;
}

function readAll<I, O>(contents: StackContents, kind: string, shape: Shape<I, O>): (I & O)[] {
  return resourcesOf(contents, kind).flatMap((one) => read(one, shape));
}

/** A resource that a killed run has left unfinished has no outputs yet. */
function read<I, O>({ inputs, outputs }: StateResource, shape: Shape<I, O>): (I & O)[] {
  const [asked, came] = [shape.inputs.safeParse(inputs), shape.outputs.safeParse(outputs)];
  return asked.success && came.success ? [{ ...asked.data, ...came.data }] : [];
}
