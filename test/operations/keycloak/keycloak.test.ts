import { after, before } from "node:test";
import { type LabKeycloak, startKeycloak } from "../../../scripts/lab/keycloak.ts";
import { keycloakScenarios } from "../keycloak-scenarios.ts";
import { connectionTo } from "../samples.ts";

let keycloak: LabKeycloak | undefined;
before(async () => {
  keycloak = await startKeycloak();
});
after(() => keycloak?.stop());

keycloakScenarios(() => {
  if (!keycloak) throw new Error("Keycloak has not started");
  const { url, adminClientId: clientId, adminClientSecret: clientSecret } = keycloak;
  return { ...connectionTo(url), clientId, clientSecret, timeoutMs: 15_000 };
});
