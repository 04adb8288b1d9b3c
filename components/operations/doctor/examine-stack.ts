import { systemClock } from "../base/clock.ts";
import { RotationError } from "../base/errors.ts";
import { configuredFleet } from "../config/fleet-settings.ts";
import { type CheckedConfig, questionFor } from "../config/inspect-stack.ts";
import type { RealmEntry } from "../config/settings-shape.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { instanceId } from "../fleet/instances.ts";
import { type OpenTarget, openTargets, readyTimeoutMs } from "../fleet/targets.ts";
import type { KeycloakConnection } from "../keycloak/connection.ts";
import { discover } from "../keycloak/jwks.ts";
import { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listLeases } from "../keycloak/lease/lease-store.ts";
import { isTrusted, type RealmKey } from "../keys/realm-keys.ts";
import { type AskedFleet, askFleet } from "./ask-fleet.ts";
import { examineClock } from "./clock.ts";
import { type ExaminedClusters, examineClusters } from "./cluster-login.ts";
import { examineDeadKeys } from "./dead-keys.ts";
import { examineDenyList } from "./deny-list.ts";
import { examineEvidenceFolder } from "./evidence-folder.ts";
import { checkNames, type Examined } from "./finding.ts";
import { examineFreeze } from "./freeze.ts";
import { judgeAnswers } from "./judge-answers.ts";
import { judgeRefreshes } from "./judge-refreshes.ts";
import { judgeTargets } from "./judge-targets.ts";
import { examineKeySets } from "./key-sets.ts";
import { examineRealm } from "./realm.ts";
import type { ReportFacts } from "./report.ts";
import { examineRoles } from "./roles.ts";
import { examineSaml } from "./saml.ts";
import { type ExamTokens, examineTokens, noTokens } from "./tokens.ts";
import type { UndoGuard } from "./undo-guard.ts";

/** A stack whose emergency is tried out. Holds secrets. */
export interface StackExam {
  config: CheckedConfig;
  /** The same as given: lists and objects parsed. */
  structured: Readonly<Record<string, unknown>>;
  connection: KeycloakConnection;
  /** Secret. Every token that an instance may have. */
  apiRefreshTokens: string[];
  /** Realms that are frozen by an emergency, as the state has it. */
  frozenRealms: readonly string[];
  /** Folder that `evidenceDir` is relative to. */
  projectDir: string;
  guard: UndoGuard;
  /** Shows a line to the user. */
  progress: (line: string) => void;
}

type Found = Pick<ReportFacts, "examined" | "instances">;

/**
 * Does everything that an emergency will need, on the real systems, without changing a key: all realms side by side, and
 * each check bounded in time.
 */
export async function examineStack(exam: StackExam): Promise<Found> {
  const { config, projectDir } = exam;
  const [evidence, ...realms] = await Promise.all([
    examineEvidenceFolder(config.evidenceDir, projectDir),
    ...config.realm.map((entry) => examineOne(entry, exam)),
  ]);
  return {
    examined: [...realms.flatMap(({ examined }) => examined), evidence],
    instances: realms.flatMap(({ instances }) => instances),
  };
}

async function examineOne(entry: RealmEntry, exam: StackExam): Promise<Found> {
  const admin = new KeycloakAdmin(exam.connection, entry.name);
  const fleet = { ...configuredFleet(exam.config, entry), apiRefreshTokens: exam.apiRefreshTokens };
  const [ofKeycloak, clusters] = await Promise.all([
    examineKeycloak(admin, entry, fleet, exam),
    examineClusters(fleet.targets, {
      realm: entry.name,
      issuers: () => issuersOf(admin),
      budgetSeconds: exam.config.emergency.budgetSeconds,
      restart: fleet.restart,
    }),
  ]);
  const { closed = [], examined: ofClusters } = clusters ?? {};
  const ofFleet = await examineFleet(admin, entry, fleet, { ...exam, ...ofKeycloak, closed });
  const all = [...ofKeycloak.examined, ...(ofClusters ? [ofClusters] : []), ...ofFleet.examined];
  return {
    examined: all.toSorted((a, b) => checkNames.indexOf(a.check) - checkNames.indexOf(b.check)),
    instances: ofFleet.instances,
  };
}

/** Behind a proxy, the address that this program knows is not the one that others log in at. */
async function issuersOf(admin: KeycloakAdmin): Promise<string[]> {
  const issuer = await discover(admin).then(
    (found) => [found.issuer],
    () => [],
  );
  return [admin.realmUrl, ...issuer];
}

interface KeycloakExam {
  examined: Examined[];
  tokens: ExamTokens;
  keys: readonly RealmKey[];
  isFrozen: boolean;
}

/** Without a login there is nothing else to ask Keycloak. */
async function examineKeycloak(
  admin: KeycloakAdmin,
  entry: RealmEntry,
  fleet: Fleet,
  { config, structured, frozenRealms }: StackExam,
): Promise<KeycloakExam> {
  const touchesUsers = config.probe.realmRoles.length > 0 || config.sessions.revoke !== "none";
  const [{ examined: realm, isLoggedIn, facts }, clock] = await Promise.all([
    examineRealm(admin, questionFor(entry, structured)),
    // A client of its own: the time of its login is what is looked at.
    examineClock(new KeycloakAdmin(admin.connection, entry.name), systemClock),
  ]);
  // A run that is under way may have frozen what the state does not know of yet.
  const isFrozen = frozenRealms.includes(entry.name) || facts?.isFrozen === true || (await isLeased(admin));
  if (!facts) {
    const roles = isLoggedIn ? [await examineRoles(admin, { touchesUsers })] : [];
    return { examined: [realm, ...roles, clock], tokens: noTokens, keys: [], isFrozen };
  }
  const { keys } = facts;
  const [roles, { examined, tokens }, keySets, saml] = await Promise.all([
    examineRoles(admin, { touchesUsers }),
    examineTokens(admin, {
      algorithms: entry.algorithms ?? config.algorithms,
      keys,
      longestRunSeconds: (fleet.restart.timeoutMs + readyTimeoutMs(fleet.targets)) / 1_000 + 300,
    }),
    examineKeySets(admin, entry.jwksUris ?? config.jwksUris, keys),
    examineSaml(admin),
  ]);
  const dead = examineDeadKeys(
    entry.name,
    keys,
    config.acknowledge.map(({ kid }) => kid),
  );
  return { examined: [realm, roles, clock, examined, keySets, dead, saml], tokens, keys, isFrozen };
}

async function isLeased(admin: KeycloakAdmin): Promise<boolean> {
  try {
    return (await listLeases(admin)).length > 0;
  } catch (error) {
    if (error instanceof RotationError) return false;
    throw error;
  }
}

type FleetFacts = StackExam & Omit<KeycloakExam, "examined"> & Pick<ExaminedClusters, "closed">;

async function examineFleet(
  admin: KeycloakAdmin,
  { name: realm }: RealmEntry,
  fleet: Fleet,
  facts: FleetFacts,
): Promise<Found> {
  const { tokens, keys, progress } = facts;
  const targets = await openTargets(fleet.targets);
  const trustedKids = keys.filter(isTrusted).map(({ kid }) => kid);
  const asked = await askFleet(targets, { fleet, tokens, trustedKids, progress });
  const { restart } = fleet;
  const hasApiRefreshToken = fleet.apiRefreshTokens.length > 0;
  return {
    examined: [
      judgeTargets(realm, fleet.targets, asked, facts.closed),
      judgeAnswers(realm, asked, tokens.good.length > 0),
      judgeRefreshes(realm, asked, { targets: fleet.targets, restart, hasApiRefreshToken }),
      ...(await examineActions(admin, fleet, targets, { ...facts, asked })),
    ],
    instances: asked.results.map(({ value }) => ({ realm, ...value })),
  };
}

/** What is put on the instances and taken back: one after the other, on those that answer. */
async function examineActions(
  admin: KeycloakAdmin,
  fleet: Fleet,
  targets: readonly OpenTarget[],
  { config, isFrozen, guard, progress, asked, tokens }: FleetFacts & { asked: AskedFleet },
): Promise<Examined[]> {
  const { freeze, freezePath: path, sessions } = config;
  const { revoke, denyListPath, adminProbe } = sessions;
  const { realmRoles, ...adminPath } = adminProbe;
  const answering = answeringIds(asked);
  const isConcerned = (one: Parameters<typeof instanceId>[0]) => answering.has(instanceId(one));
  const common = { fleet, isConcerned, guard };
  const frozen = await examineFreeze(targets, { ...common, realm: admin.realmName, freeze, path, isFrozen });
  // For an algorithm that no key signs, Keycloak would make a key.
  const [algorithm] = tokens.good.map((token) => token.algorithm);
  const identity =
    algorithm === undefined ? undefined : { realmRoles, audience: config.probe.audience, algorithm };
  const denied = await examineDenyList(admin, {
    ...common,
    ...{ revoke, denyListPath, adminPath, identity, progress },
  });
  return [frozen, denied];
}

/** Those that hang would be waited for again. */
function answeringIds({ results }: AskedFleet): Set<string> {
  const answering = results.filter(({ value }) =>
    value.answers.every(({ verdict }) => verdict.kind !== "inconclusive" || !verdict.unanswered),
  );
  return new Set(answering.map(({ instance }) => instanceId(instance)));
}
