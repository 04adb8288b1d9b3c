import { after, before, type TestContext } from "node:test";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { type LabKeycloak, startKeycloak } from "../../scripts/lab/keycloak.ts";
import { LabAdmin, type LabRealm } from "../../scripts/lab/keycloak-realms.ts";
import { connectionTo } from "./samples.ts";

/** A realm of a real Keycloak, as the program and as a person with the console see it. */
export interface RealRealm {
  realm: LabRealm;
  /** The program's view. */
  admin: KeycloakAdmin;
  lab: LabAdmin;
}

/** Starts Keycloak for the tests of a file; gives what makes a realm that goes with its test. */
export function realRealms(): (t: TestContext, settings?: object) => Promise<RealRealm> {
  let keycloak: LabKeycloak | undefined;
  before(async () => {
    keycloak = await startKeycloak();
  });
  after(() => keycloak?.stop());
  return async (t, settings) => {
    if (!keycloak) throw new Error("Keycloak has not started");
    const lab = new LabAdmin(keycloak);
    const realm = await lab.createRealm(undefined, settings);
    t.after(() => lab.deleteRealm(realm.name));
    const { url, adminClientId: clientId, adminClientSecret: clientSecret } = keycloak;
    const connection = { ...connectionTo(url), clientId, clientSecret, timeoutMs: 15_000 };
    return { realm, admin: new KeycloakAdmin(connection, realm.name), lab };
  };
}
