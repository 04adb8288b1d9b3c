import type { RunContext } from "../base/run-context.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { Findings } from "../evidence/findings.ts";
import { connection } from "../keycloak/connection.ts";
import { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";

export type Run = { run: RunContext };

export type Recorded = { record: PhaseRecord };

export type AfterOthers = Run & { before: Findings };

export async function adminOf({ run }: Run): Promise<KeycloakAdmin> {
  return new KeycloakAdmin(await connection(), run.realm);
}
