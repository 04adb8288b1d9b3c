import assert from "node:assert/strict";
import { test } from "node:test";
import { startTraffic } from "../../scripts/lab/traffic.ts";
import {
  afterOverlap,
  evidenceOf,
  kidOf,
  plannedOutputs,
  plannedScenario,
  signingKid,
  statusesOf,
  succeeded,
} from "./world.ts";

test("a planned rotation adopts a realm's default key, retires it, goes on to rotation 2 and retires again, all without one failed request", async (t) => {
  const scenario = await plannedScenario(t);
  const { admin, realm, fleet, stack } = scenario;
  const unmanaged = await signingKid(scenario);
  const traffic = await startTraffic({ admin, realm, fleet });
  t.after(() => traffic.stop());
  const preview = succeeded(await stack.preview());
  assert.match(preview.output, new RegExp(`kid ${unmanaged} \\(RS256, rsa-generated\\) no longer signs`));
  succeeded(await stack.up());
  const first = await signingKid(scenario);
  const adopted = await plannedOutputs(scenario);
  assert.deepEqual(
    [adopted.kids, adopted.passiveKids, adopted.retiredKids],
    [{ RS256: first }, [unmanaged], []],
  );
  await traffic.settled();
  assert.deepEqual(traffic.failures, []);

  const due = await stack.preview([], afterOverlap);
  assert.match(succeeded(due).output, new RegExp(`retire kid ${unmanaged} \\(RS256, rsa-generated\\)`));
  // The clock is moved for the program only: what has expired by it is no longer used.
  await traffic.forgetTokens();
  succeeded(await stack.up([], afterOverlap));
  assert.deepEqual((await plannedOutputs(scenario)).retiredKids, [unmanaged]);

  const client = await admin.createClient(realm, "frontend");
  const old = await admin.mint(realm, client);
  assert.equal(kidOf(old), first);
  await stack.setConfig({ rotation: 2 });
  succeeded(await stack.up());
  const second = await signingKid(scenario);
  assert.deepEqual(await statusesOf(scenario, old), [200, 200, 200, 200]);
  succeeded(await stack.preview(["--expect-no-changes"]));
  const overlap = await evidenceOf(scenario, "planned", 2);
  assert.deepEqual([overlap.outcome, overlap.stage, overlap.retired], ["verified", "overlap", []]);
  assert.deepEqual(overlap.announced?.known, ["api-1", "api-2", "api-3"]);

  await traffic.forgetTokens();
  succeeded(await stack.up([], afterOverlap));
  assert.deepEqual(await statusesOf(scenario, old), [401, 401, 401, 401]);
  const final = await evidenceOf(scenario, "planned", 2);
  assert.deepEqual(
    final.verification?.instances.map(({ proof }) => proof),
    ["replayed", "replayed", "replayed"],
  );
  assert.deepEqual(await admin.publishedKids(realm), [second]);
  await traffic.settled();
  assert.deepEqual(traffic.failures, []);
  assert.deepEqual([...traffic.kids.keys()], [unmanaged, first, second]);
  assert.ok(traffic.requests > 100, `only ${traffic.requests} requests`);
});
