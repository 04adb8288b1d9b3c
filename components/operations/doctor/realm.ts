import { z } from "zod";
import { RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { inspectRealm, type RealmQuestion } from "../config/inspect-realm.ts";
import { frozenClients } from "../keycloak/freeze-keycloak.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listSigningKeys, type RealmKey } from "../keys/realm-keys.ts";
import { type Examined, type Finding, findingFrom, findingOf } from "./finding.ts";

/** What the other checks need to know of the realm; undefined where it can't be read. */
export interface RealmFacts {
  /** All signing keys. */
  keys: RealmKey[];
  /** Whether the freeze of an emergency is in force in Keycloak. */
  isFrozen: boolean;
}

export interface ExaminedRealm {
  examined: Examined;
  /** Whether Keycloak has let us in: then each role can be looked at. */
  isLoggedIn: boolean;
  facts: RealmFacts | undefined;
}

/**
 * Logs in to Keycloak, reads the realm, and plans the emergency that the next rotation would be.
 *
 * @param question what the config says; its mode and rotation are replaced by those of the next emergency
 */
export async function examineRealm(admin: KeycloakAdmin, question: RealmQuestion): Promise<ExaminedRealm> {
  const realm = admin.realmName;
  try {
    await admin.get("", z.unknown());
    const rotation = question.rotation + 1;
    const [inspection, keys, frozen] = await Promise.all([
      inspectRealm(admin, { ...question, mode: "emergency", rotation }),
      listSigningKeys(admin),
      frozenClients(admin),
    ]);
    const { problems, plan } = inspection;
    const dying = (plan?.changes ?? []).flatMap((change) => ("key" in change ? [change.key.kid] : []));
    const findings = [
      ...problems.map((problem) => refused(problem, realm)),
      ...(plan?.costs ?? []).map((cost) => costly(cost, realm)),
      ...(frozen.length > 0 ? [stillFrozen(realm, frozen)] : []),
    ];
    const what = dying.length === 0 ? "no key" : `kid ${listNames(dying)}`;
    const seen = `logged in as ${admin.connection.clientId}; an emergency (rotation ${rotation}) would disable ${what}`;
    return {
      examined: { check: "realm", realm, seen, findings },
      isLoggedIn: true,
      facts: { keys, isFrozen: frozen.length > 0 },
    };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const emergency = "the update can't change this realm, and the stolen key stays alive";
    const findings = [findingOf(error, { realm, severity: "critical", emergency })];
    const isLoggedIn = error.code === "KEYCLOAK_ROLE_MISSING";
    return { examined: { check: "realm", realm, seen: error.code, findings }, isLoggedIn, facts: undefined };
  }
}

function refused(problem: string, realm: string): Finding {
  const emergency = "the update is refused before anything is touched, and the stolen key stays alive";
  return findingFrom(problem, { realm, severity: "critical", emergency });
}

function costly(cost: string, realm: string): Finding {
  const emergency = "the keys are disabled regardless, but the run ends red";
  const found = findingFrom(cost, { realm, severity: "problem", emergency });
  return found.code === "SETTINGS_INVALID" ? { ...found, code: "PROOF_IN_DOUBT" } : found;
}

function stillFrozen(realm: string, clients: readonly { clientId: string }[]): Finding {
  const names = clients.map(({ clientId }) => clientId).join(" and ");
  return {
    code: "STILL_FROZEN",
    severity: "warning",
    realm,
    what: `the freeze of an earlier emergency is in force: ${names} of realm ${realm} disabled`,
    emergency: "it works, but administrators are locked out already now",
    next: "finish that run, or set freeze to release and run pulumi up",
  };
}
