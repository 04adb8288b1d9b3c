import type { Evidence } from "../../evidence-schema.ts";
import { announcement, freezeTable, refreshTable, restartTable, sessionTables } from "./actions.ts";
import { type Html, section } from "./html.ts";
import { canaryTable, internalKeyTables, jwksTable, keyTable } from "./keys.ts";
import { attemptTable, denyListTable, issuerTable } from "./proofs.ts";

/** Everything beside the phases and the instances, each kind in a section; a kind that there is not is left out. */
export function details(evidence: Evidence): Html[] {
  return [
    section("Keys before and after", keyTable(evidence)),
    section("JWKS as published", jwksTable(evidence)),
    section("Told of the new keys before they signed", ...announcement(evidence)),
    section("Freeze", ...freezeTable(evidence)),
    section("Sessions", ...sessionTables(evidence)),
    section("Deny-list", denyListTable(evidence)),
    section("Internal keys", ...internalKeyTables(evidence)),
    section("Refresh", refreshTable("Refresh", evidence.refresh)),
    section("Restarts", restartTable("Restarts", evidence.restarts)),
    section("Issuer", issuerTable(evidence)),
    section("Canary tokens", canaryTable(evidence)),
    section("Verification attempts", attemptTable(evidence)),
  ];
}
