import { after, before } from "node:test";
import { configureConnection, connection } from "#operations/keycloak/connection";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { listSigningKeys } from "#operations/keys/realm-keys";
import type { RunSettings } from "#phases/phase-details";
import { KillPhases, publishedKey } from "../../scripts/kill/kill-phases.ts";
import { type LabKeycloak, startKeycloak } from "../../scripts/lab/keycloak.ts";
import { staticFleet } from "../operations/samples.ts";

/** A Keycloak for the tests of a file, which the phases in this process talk to. @returns it, once the tests run */
export function configuredKeycloak(): () => LabKeycloak {
  let keycloak: LabKeycloak;
  before(async () => {
    keycloak = await startKeycloak();
    const { url, adminClientId: clientId, adminClientSecret: clientSecret } = keycloak;
    const config: Record<string, string> = { url, clientId, clientSecret };
    configureConnection((key) => config[key]);
  });
  after(() => keycloak?.stop());
  return () => keycloak;
}

interface Emergency {
  realm: string;
  rotation: number;
  instances: { name: string; url: string }[];
  evidenceDir: string;
}

/** Settings of an emergency over instances by URL, in a realm that signs with ES256. */
export function emergencySettings({ realm, rotation, instances, evidenceDir }: Emergency): RunSettings {
  const { apiRefreshTokens: _tokens, ...rest } = staticFleet();
  const stage = "final" as const;
  const run = { rotation, mode: "emergency" as const, stage, incident: "INC-1", reason: "" };
  return {
    run: { ...run, realm, realms: [realm], evidenceDir, stack: "test" },
    fleet: { ...rest, targets: [{ kind: "static", name: "static", instances }] },
    algorithms: ["ES256"],
    ...{ openKids: [], trustedKids: [], acknowledge: [] },
    ...{ keySize: 2048, exemptKeys: [], overlapMs: 0, keepRetired: 1, actions: ["rotate"] },
    ...{ jwksUris: [], jwksTimeoutMs: 10_000 },
    probeIdentity: { algorithms: ["ES256"], audience: [], realmRoles: [], clockSkewSeconds: 0 },
    emergency: {
      // A machine that is busy with other tests must not make healthy instances late.
      ...{ budgetMs: 30_000, freeze: "none", freezePath: "/internal/admin/freeze", internalKeys: [] },
      ...{ revoke: "none", denyListPath: "/internal/auth/deny-list", denyForMs: 60_000 },
      ...{ watchSeconds: 0, doneByKill: [] },
      adminProbe: {
        ...{ path: "/api/admin", realmRoles: ["admin"] },
        ...{ acceptedStatuses: [200], rejectedStatuses: [401, 403] },
      },
    },
  };
}

/**
 * A whole emergency in this process, without an engine: the phases as `up` and `npm run kill` run them. It takes a second
 * where an `up` takes six.
 *
 * @throws what the phase that failed throws; VERIFICATION_FAILED where it is red at the end
 */
export async function wholeEmergency(settings: RunSettings, apiRefreshToken: string): Promise<void> {
  const phase = new KillPhases(settings, [apiRefreshToken], {}, async () => undefined);
  const freezing = phase.freeze();
  const admin = new KeycloakAdmin(await connection(), settings.run.realm);
  const canary = await phase.mintCanaries(await listSigningKeys(admin));
  const published = await phase.publish(canary);
  const cutover = await phase.cutOver(canary, published);
  const soFar = { canary, keys: published.map(publishedKey), cutover };
  const [frozen, revoked, internal, enforcement] = await Promise.all([
    freezing,
    phase.revoke(),
    phase.rotateInternalKeys(),
    phase.enforce(soFar, cutover.completedAt),
  ]);
  const given = { ...soFar, enforcement };
  const actions = { frozen, revoked, internal };
  const verification = await phase.verify(given, actions, cutover.completedAt);
  const watch = await phase.watch(given, verification);
  await phase.writeEvidence(given, { verification, watch }, actions);
  await phase.thaw(frozen, verification);
}
