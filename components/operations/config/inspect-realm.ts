import { messageOf, RotationError } from "../base/errors.ts";
import { frozenClients } from "../keycloak/freeze-keycloak.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listClients, type RealmClient } from "../keycloak/realm-clients.ts";
import { killSteps } from "../keys/kill-marks.ts";
import { type DerivedOverlap, deriveOverlap, overlapEnd } from "../keys/overlap.ts";
import { planRun, type RunPlan } from "../keys/plan-run.ts";
import { highestRotation } from "../keys/publish-key.ts";
import { listKeyComponents, listSigningKeys, type RealmKey, readRealm } from "../keys/realm-keys.ts";
import type { RunQuestion } from "../keys/run-view.ts";
import {
  type EmergencyInspection,
  type EmergencyQuestion,
  inspectEmergency,
  noEmergencyActions,
} from "./inspect-emergency.ts";

export interface RealmQuestion extends Omit<RunQuestion, "overlapMs" | "now"> {
  /** The overlap in the config; undefined: derived from the realm's token lifetimes. */
  overlapSeconds: number | undefined;
  /** Whether an overlap may be shorter than the realm's token lifetimes. */
  allowShortOverlap: boolean;
  clockSkewSeconds: number;
  /** Whether the probe's service account needs roles of its own. */
  probeHasRoles: boolean;
  emergency: EmergencyQuestion;
}

export interface RealmInspection {
  /** Every problem found; empty where the rotation can start. */
  problems: string[];
  /** Rights that an `up` needs and the admin client lacks; a preview works without them. */
  missingRights: string[];
  /** What the `up` would do to the realm's keys; absent where the realm can't be read. */
  plan?: Pick<RunPlan, "stage" | "actions" | "changes"> & {
    /** What else an emergency does; empty in other modes. */
    emergency: EmergencyInspection;
    overlapSeconds: number;
    /** Highest rotation that has left a key in the realm; 0 where there is none. */
    highestRotation: number;
    /** End of the current or the latest overlap, ISO 8601 UTC. */
    overlapEnd?: string | undefined;
    /** How long a token of the realm may live, with the clock skew. */
    tokenLifeSeconds: number;
    /** What the run does not end, a sentence each. */
    warnings: string[];
    /** What `npm run kill` has done of this rotation besides the keys. */
    doneByKill: string[];
  };
}

/** Client attributes that name an algorithm with which the realm must sign. */
const algorithmAttributes = [
  "access.token.signed.response.alg",
  "id.token.signed.response.alg",
  "user.info.response.signature.alg",
  "authorization.signed.response.alg",
];

/** Finds out, without changing anything, what would make a rotation fail half-way or do nothing. */
export async function inspectRealm(admin: KeycloakAdmin, question: RealmQuestion): Promise<RealmInspection> {
  try {
    const [components, keys] = [await listKeyComponents(admin), await listSigningKeys(admin)];
    const clients = await listClients(admin);
    const missing = await missingRoles(admin, question);
    const overlap = await deriveOverlap(admin, clients, question.clockSkewSeconds);
    const overlapSeconds = question.overlapSeconds ?? overlap.seconds;
    const now = new Date().toISOString();
    const asked = { ...question, overlapMs: overlapSeconds * 1000, now };
    const { problems, ...plan } = Number.isFinite(question.rotation) ? planRun(keys, asked) : noPlan;
    const isBack = question.rotation < highestRotation(components);
    const isEmergency = question.mode === "emergency";
    const emergency = isEmergency ? await inspectEmergency(admin, question.emergency) : noEmergencyActions;
    // If no key changes, only the state knows whether any of these actions are still due.
    const due = plan.actions.length > 0 ? emergency : noEmergencyActions;
    // What would cost the proof, or one of the additional actions, must not keep a stolen key alive.
    const costs = [
      ...due.problems,
      ...uncoveredKeys(keys, question),
      ...(await uncoveredClients(admin, question, { keys, clients })),
    ];
    return {
      plan: {
        stage: plan.stage,
        changes: plan.changes,
        emergency,
        actions: [...due.freeze, ...plan.actions, ...due.sessions, ...due.internalKeys],
        warnings: [
          ...(await stillFrozen(admin)),
          ...plan.warnings,
          ...due.warnings,
          ...(isEmergency ? costs.map((cost) => `the keys are disabled regardless, but: ${cost}`) : []),
        ],
        overlapSeconds,
        highestRotation: highestRotation(components),
        overlapEnd: overlapEnd(keys),
        tokenLifeSeconds: overlap.seconds,
        doneByKill: isEmergency ? killSteps(keys, question) : [],
      },
      missingRights: [...new Set([...missing, ...due.missingRights])],
      problems: [
        ...(isBack ? [wentBack(admin, question, highestRotation(components))] : problems),
        ...(isEmergency ? [] : costs),
        ...shortOverlap(question, overlap),
      ],
    };
  } catch (error) {
    if (error instanceof RotationError) return { problems: [messageOf(error)], missingRights: [] };
    throw error;
  }
}

/** The plan for a rotation that is not a number. */
const noPlan: RunPlan = { stage: "final", changes: [], actions: [], problems: [], warnings: [] };

/** Every `up` may have to change keys, the probe's clients and their roles. */
async function missingRoles(admin: KeycloakAdmin, { probeHasRoles }: RealmQuestion): Promise<string[]> {
  const roles = ["manage-realm", "manage-clients", ...(probeHasRoles ? ["manage-users"] : [])];
  const missing = await Promise.all(roles.map((role) => admin.missingRole(role)));
  return missing.flatMap((error) => (error ? [error.message] : []));
}

/** A red or killed run leaves the realm frozen, which the next person must know. */
async function stillFrozen(admin: KeycloakAdmin): Promise<string[]> {
  const clients = (await frozenClients(admin)).map(({ clientId }) => clientId);
  if (clients.length === 0) return [];
  return [
    `realm ${admin.realmName} is still frozen by an emergency (${clients.join(" and ")} disabled); a green verification thaws it, and so does freeze: release`,
  ];
}

function shortOverlap(
  { mode, overlapSeconds, allowShortOverlap }: RealmQuestion,
  { seconds, because }: DerivedOverlap,
): string[] {
  if (mode === "emergency" || allowShortOverlap) return [];
  if (overlapSeconds === undefined || overlapSeconds >= seconds) return [];
  return [
    `overlapSeconds: ${overlapSeconds} is shorter than ${seconds}, which ${because} and the clock skew come to; users would be logged out: leave it out, or set allowShortOverlap to true`,
  ];
}

function wentBack(admin: KeycloakAdmin, { rotation }: RealmQuestion, highest: number): string {
  return `rotation: ${rotation} is lower than ${highest}, which realm ${admin.realmName} has already had; set ${highest} to keep, ${highest + 1} to rotate`;
}

function uncoveredKeys(keys: readonly RealmKey[], { algorithms, exemptKeys }: RealmQuestion): string[] {
  return keys
    .filter(({ status, componentName }) => status !== "DISABLED" && !exemptKeys.includes(componentName))
    .filter(({ algorithm }) => !algorithms.includes(algorithm))
    .map(
      ({ kid, algorithm, componentName }) =>
        `algorithms: key ${kid} (${componentName}) signs ${algorithm}, which is not listed; add ${algorithm}, or ${componentName} to exemptKeys`,
    );
}

/**
 * A client that asks for an algorithm without an active key makes Keycloak add a `fallback-*` key on its next token.
 * Algorithms that an exempt key goes on signing are covered.
 */
async function uncoveredClients(
  admin: KeycloakAdmin,
  { algorithms, exemptKeys }: RealmQuestion,
  { keys, clients }: { keys: readonly RealmKey[]; clients: readonly RealmClient[] },
): Promise<string[]> {
  const exempt = keys.filter((key) => key.status === "ACTIVE" && exemptKeys.includes(key.componentName));
  const covered = [...algorithms, ...exempt.map(({ algorithm }) => algorithm)];
  const { defaultAlgorithm } = await readRealm(admin);
  const wanted = clients.flatMap(({ clientId, attributes }) =>
    algorithmAttributes.map((name) => ({ who: `client ${clientId}`, algorithm: attributes?.[name] })),
  );
  return [{ who: "the realm by default", algorithm: defaultAlgorithm }, ...wanted]
    .filter(({ algorithm }) => algorithm && !/^(HS|none)/.test(algorithm) && !covered.includes(algorithm))
    .map(
      ({ who, algorithm }) =>
        `algorithms: ${who} asks for ${algorithm}, which is not listed; add ${algorithm}`,
    );
}
