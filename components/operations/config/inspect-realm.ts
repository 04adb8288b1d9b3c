import { messageOf, RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { within } from "../base/within.ts";
import { frozenClients } from "../keycloak/freeze-keycloak.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listLeases } from "../keycloak/lease/lease-store.ts";
import { describeHolder } from "../keycloak/lease/record.ts";
import { listClients, type RealmClient, samlClientsOf } from "../keycloak/realm-clients.ts";
import { openKeys } from "../keys/death-marks.ts";
import { killSteps } from "../keys/kill-marks.ts";
import { type DerivedOverlap, deriveOverlap, overlapEnd } from "../keys/overlap.ts";
import { planRun, type RunPlan } from "../keys/plan-run.ts";
import { highestRotation } from "../keys/publish-key.ts";
import {
  describeKey,
  isTrusted,
  listKeyComponents,
  listSigningKeys,
  type RealmKey,
  readRealm,
} from "../keys/realm-keys.ts";
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
  /** Kids that the config closes by name. Default: none. */
  acknowledged?: readonly string[];
  /** Milliseconds that an emergency waits for what it can do without. Default: 2000. */
  passingMs?: number | undefined;
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
    /** In an emergency, what would cost the proof or an additional action, a sentence each; in the warnings, too. */
    costs: string[];
    /** What `npm run kill` has done of this rotation besides the keys. */
    doneByKill: string[];
    /** Kids of disabled keys of which nobody has shown that the instances reject them. */
    openKids: string[];
    /** Kids of the keys that are trusted. */
    trustedKids: string[];
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
    const [components, keys, beside] = await Promise.all([
      listKeyComponents(admin),
      listSigningKeys(admin),
      readBeside(admin, question),
    ]);
    const { overlap, missing, emergency, frozen, unread } = beside;
    const overlapSeconds = question.overlapSeconds ?? overlap.seconds;
    const now = new Date().toISOString();
    const asked = { ...question, overlapMs: overlapSeconds * 1000, now };
    const { problems, ...plan } = Number.isFinite(question.rotation) ? planRun(keys, asked) : noPlan;
    const isBack = question.rotation < highestRotation(components);
    const isEmergency = question.mode === "emergency";
    // If no key changes, only the state knows whether any of these actions are still due.
    const due = plan.actions.length > 0 ? emergency : noEmergencyActions;
    // What would cost the proof, or one of the additional actions, must not keep a stolen key alive.
    const costs = [
      ...unread,
      ...due.problems,
      ...uncoveredKeys(keys, question),
      ...uncoveredClients(question, { keys, ...beside }),
    ];
    return {
      plan: {
        stage: plan.stage,
        changes: plan.changes,
        emergency,
        actions: [...due.freeze, ...plan.actions, ...due.sessions, ...due.internalKeys],
        warnings: [
          ...frozen,
          ...plan.warnings,
          ...openDeaths(keys, question),
          ...due.warnings,
          ...(plan.changes.some(({ kind }) => kind === "publish") ? samlWarnings(beside.clients) : []),
          ...(isEmergency ? costs.map((cost) => `the keys are disabled regardless, but: ${cost}`) : []),
        ],
        costs: isEmergency ? costs : [],
        overlapSeconds,
        highestRotation: highestRotation(components),
        overlapEnd: overlapEnd(keys),
        tokenLifeSeconds: overlap.seconds,
        openKids: openKeys(keys).map(({ kid }) => kid),
        trustedKids: keys.filter(isTrusted).map(({ kid }) => kid),
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

/** What is known of a realm's clients. */
interface ClientFacts {
  clients: RealmClient[];
  overlap: DerivedOverlap;
  /** With which tokens are signed where the client does not say. */
  defaultAlgorithm?: string | undefined;
}

/** What a rotation should know, and an emergency can do without. */
interface Beside extends ClientFacts {
  missing: string[];
  emergency: EmergencyInspection;
  frozen: string[];
  /** What could not be read, and why: a phrase each. */
  unread: string[];
}

/** Session ids that nothing is known of stay on the deny-list for as long as Keycloak lets a session live by default. */
const unknownClients: ClientFacts = {
  clients: [],
  overlap: { seconds: 36_000, because: "an unknown access-token lifespan" },
};

/** Reads it side by side. In an emergency nothing of it keeps a stolen key alive: what is late or refused is a warning. */
async function readBeside(admin: KeycloakAdmin, question: RealmQuestion): Promise<Beside> {
  const unread: string[] = [];
  const isEmergency = question.mode === "emergency";
  const read = <T extends object>(what: string, reading: Promise<T>, instead: T) =>
    isEmergency ? inPassing({ what, reading, instead }, question.passingMs ?? passingMs, unread) : reading;
  const [facts, missing, emergency, frozen, others] = await Promise.all([
    read("the realm's clients", readClientFacts(admin, question), unknownClients),
    read("the roles of the admin client", missingRoles(admin, question), []),
    isEmergency
      ? read("what else is to be done", inspectEmergency(admin, question.emergency), noEmergencyActions)
      : noEmergencyActions,
    read("what is frozen", stillFrozen(admin), []),
    read("the realm's lease", runUnderWay(admin), []),
  ]);
  return { ...facts, missing, emergency, frozen: [...frozen, ...others], unread };
}

/** For all that is read side by side, in milliseconds. It is time in which a stolen key is alive. */
const passingMs = 2_000;

async function inPassing<T extends object>(
  { what, reading, instead }: { what: string; reading: Promise<T>; instead: T },
  ms: number,
  unread: string[],
): Promise<T> {
  try {
    const found = await within(ms, reading);
    if (found) return found;
    unread.push(`${what} could not be read within ${ms / 1_000} s`);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    unread.push(`${what} could not be read: ${messageOf(error)}`);
  }
  return instead;
}

async function readClientFacts(
  admin: KeycloakAdmin,
  { clockSkewSeconds }: RealmQuestion,
): Promise<ClientFacts> {
  const clients = await listClients(admin);
  const [overlap, { defaultAlgorithm }] = await Promise.all([
    deriveOverlap(admin, clients, clockSkewSeconds),
    readRealm(admin),
  ]);
  return { clients, overlap, defaultAlgorithm };
}

/** The plan for a rotation that is not a number. */
const noPlan: RunPlan = { stage: "final", changes: [], actions: [], problems: [], warnings: [] };

/** Every `up` may have to change keys, the probe's clients and their roles. */
async function missingRoles(admin: KeycloakAdmin, { probeHasRoles }: RealmQuestion): Promise<string[]> {
  const roles = ["manage-realm", "manage-clients", ...(probeHasRoles ? ["manage-users"] : [])];
  const missing = await Promise.all(roles.map((role) => admin.missingRole(role)));
  return missing.flatMap((error) => (error ? [error.message] : []));
}

/** Keycloak signs SAML messages with the key that signs RS256 tokens; whoever pinned its certificate is told by nobody else. */
export function samlWarnings(clients: readonly RealmClient[]): string[] {
  const names = samlClientsOf(clients);
  if (names.length === 0) return [];
  return [
    `Keycloak signs what it sends to SAML ${names.length === 1 ? "client" : "clients"} ${listNames(names, 20)} with the realm's keys: a partner that has pinned the certificate refuses logins after the rotation, until it has the new one`,
  ];
}

/** A red or killed run leaves the realm frozen, which the next person must know. */
async function stillFrozen(admin: KeycloakAdmin): Promise<string[]> {
  const clients = (await frozenClients(admin)).map(({ clientId }) => clientId);
  if (clients.length === 0) return [];
  return [
    `realm ${admin.realmName} is still frozen by an emergency (${clients.join(" and ")} disabled); a green verification thaws it, and so does freeze: release`,
  ];
}

/** Whoever has the lease may be dead, too: it is taken over then. */
async function runUnderWay(admin: KeycloakAdmin): Promise<string[]> {
  const [held] = await listLeases(admin);
  if (!held) return [];
  return [
    `another run holds the lease of realm ${admin.realmName}, or was killed while it did: ${describeHolder(held.lease)}`,
  ];
}

/** Whoever reads a preview should know what ends the update red before it begins. */
function openDeaths(keys: readonly RealmKey[], { acknowledged = [] }: RealmQuestion): string[] {
  const open = openKeys(keys).filter(({ kid }) => !acknowledged.includes(kid));
  if (open.length === 0) return [];
  const [is, it] = open.length === 1 ? ["is", "it"] : ["are", "them"];
  return [
    `${listNames(open.map(describeKey), 20)} ${is} disabled, and nobody has shown that the instances refuse ${it}: the verification asks about ${it} where canary tokens are left, else each instance must have started after that; to close ${it} by name, list ${it} in acknowledge`,
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
function uncoveredClients(
  { algorithms, exemptKeys }: RealmQuestion,
  { keys, clients, defaultAlgorithm }: Omit<ClientFacts, "overlap"> & { keys: readonly RealmKey[] },
): string[] {
  const exempt = keys.filter((key) => key.status === "ACTIVE" && exemptKeys.includes(key.componentName));
  const covered = [...algorithms, ...exempt.map(({ algorithm }) => algorithm)];
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
