import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { decodeProtectedHeader } from "jose";
import { LabAdmin } from "../../scripts/lab/keycloak-realms.ts";
import { configuredKeycloak, emergencySettings, wholeEmergency } from "../drill/whole-emergency.ts";
import { missingFor } from "../examples/program.ts";
import { temporaryDirectory } from "../operations/evidence-bundles.ts";
import { processServers, startProcessServer } from "./servers.ts";
import { askOverNewConnections } from "./witness.ts";

/** More of them find rarer mistakes: `RUNS=50`. */
const { RUNS } = process.env;
const runs = Number(RUNS ?? 1);

/**
 * Their workers take connections as they wake: without names it is likely that all are reached, and never certain. Such rows
 * are for a campaign of many runs, so that nothing here is left to luck.
 */
const lucky: readonly string[] = ["gunicorn-gthread", "uvicorn"];

const apiRefreshToken = "refresh-token-of-the-tests";

interface Row {
  header: boolean;
  refresh: "none" | "one" | "all";
  /** What the run must come to; undefined where the processes can't be counted, so that it depends on luck. */
  isGreen?: boolean;
}

const rows: readonly Row[] = [
  // Each process is named and counted, so that a refresh of one at a time goes on until all have had it.
  { header: true, refresh: "one", isGreen: true },
  { header: true, refresh: "all", isGreen: true },
  { header: true, refresh: "none", isGreen: false },
  { header: false, refresh: "all", isGreen: true },
  { header: false, refresh: "one", isGreen: true },
  { header: false, refresh: "none", isGreen: false },
];

const keycloakOf = configuredKeycloak();

for (const { kind, needs } of processServers) {
  const missing = await missingFor({ needs });
  const skip = missing !== undefined && `this machine has no suitable ${missing}`;

  suite(`an emergency over ${kind}, 4 processes behind one port`, { skip }, () => {
    const sure = rows.filter(({ header, isGreen }) => header || !isGreen || !lucky.includes(kind));
    for (const { header, refresh, isGreen } of RUNS === undefined ? sure : rows)
      for (let run = 1; run <= runs; run += 1)
        test(`${header ? "named" : "unnamed"}, a refresh reaches ${refresh}: green says the truth (${run})`, async (t) => {
          t.mock.method(console, "log", () => undefined);
          const lab = new LabAdmin(keycloakOf());
          const realm = await lab.createRealm();
          t.after(() => lab.deleteRealm(realm.name));
          const client = await lab.createClient(realm.name, "frontend");
          const options = { issuer: lab.issuer(realm.name), apiRefreshToken, header, refresh };
          const server = await startProcessServer(kind, options);
          t.after(() => server.stop());
          const stolen = await lab.mint(realm.name, client);
          const instances = [{ name: "api-1", url: server.url, connections: 8 }];
          const evidenceDir = await temporaryDirectory(t);
          const settings = emergencySettings({ realm: realm.name, rotation: 1, instances, evidenceDir });
          const outcome = await wholeEmergency(
            {
              ...settings,
              algorithms: ["RS256"],
              probeIdentity: { ...settings.probeIdentity, algorithms: ["RS256"] },
            },
            apiRefreshToken,
          ).then(
            () => "green",
            (error: Error) => error.message,
          );
          const truth = await askOverNewConnections(server.url, stolen, { atOnce: 8 });
          const isTrue = outcome !== "green" || isDeepStrictEqual([truth.accepted, truth.other], [0, 0]);
          assert.ok(
            isTrue,
            `a false green: ${truth.accepted} of 40 connections still accept the stolen token`,
          );
          if (isGreen === true) assert.equal(outcome, "green");
          else assert.match(outcome, new RegExp(`still accepts kid ${decodeProtectedHeader(stolen).kid}`));
          const fresh = await askOverNewConnections(server.url, await lab.mint(realm.name, client));
          if (outcome === "green") assert.deepEqual([fresh.rejected, fresh.other], [0, 0]);
        });
  });
}
