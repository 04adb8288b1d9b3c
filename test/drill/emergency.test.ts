import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { unsignedBundle } from "../operations/samples.ts";
import { adoptedScenario, evidenceOf, kidOf, rotate, statusesOf, succeeded } from "./world.ts";

test("an emergency rotation: the old key dies at Keycloak and on five instances, new tokens are accepted, the evidence is complete", async (t) => {
  const scenario = await adoptedScenario(t, { instances: 5 });
  const { admin, realm } = scenario;
  const client = await admin.createClient(realm, "frontend");
  const stolen = await admin.mint(realm, client);
  assert.deepEqual(await statusesOf(scenario, stolen), Array(6).fill(200));

  succeeded(await rotate(scenario, 2, "INC-2"));

  const fresh = await admin.mint(realm, client);
  assert.deepEqual(await statusesOf(scenario, stolen), Array(6).fill(401));
  assert.deepEqual(await statusesOf(scenario, fresh), Array(6).fill(200));
  assert.deepEqual(await admin.publishedKids(realm), [kidOf(fresh)]);
  assert.notEqual(kidOf(fresh), kidOf(stolen));

  const evidence = await evidenceOf(scenario, "INC-2", 2);
  assert.equal(evidence.outcome, "verified");
  assert.deepEqual(
    evidence.retired.map(({ kid, disabledAtIsExact }) => [kid, disabledAtIsExact]),
    [[kidOf(stolen), true]],
  );
  assert.deepEqual(
    evidence.verification?.instances.map(({ proof }) => proof),
    Array(5).fill("replayed"),
  );
  assert.deepEqual(
    evidence.verification?.issuer.map(({ verdict }) => verdict.kind),
    ["rejected"],
  );
  assert.deepEqual(
    evidence.phases.map(({ phase, outcome }) => `${phase} ${outcome}`),
    ["canary done", "publish done", "cut-over done", "enforce done", "verify done"],
  );
  assert.ok((evidence.exposureWindow?.ms ?? 0) > 0);
  const directory = join(scenario.evidenceDir, "INC-2", "2");
  assert.deepEqual((await readdir(directory)).toSorted(), unsignedBundle);
  await promisify(execFile)("sha256sum", ["--strict", "-c", "SHA256SUMS"], { cwd: directory });
  assert.match(await scenario.evidence("INC-2", 2, "report.md"), /VERIFIED/);
});
