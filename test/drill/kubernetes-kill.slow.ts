import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { noCluster } from "../lab/kubernetes/cluster.ts";
import { evidenceOf, kubernetesScenarioFor, rotate, statusesOf, succeeded } from "./world.ts";

const skip = await noCluster();

suite("npm run kill over pods", { skip }, () => {
  test("the API refresh token that the program has generated is gone with the state, and is found in the cluster's Secret", async (t) => {
    const scenario = await kubernetesScenarioFor(t, { pods: 2, secret: "program" });
    const { admin, realm, stack, directory } = scenario;
    succeeded(await rotate(scenario, 1, "INC-1"));
    const client = await admin.createClient(realm, "frontend");
    const stolen = await admin.mint(realm, client);
    await rm(join(directory, "backend", ".pulumi"), { recursive: true });
    const { output } = succeeded(await stack.script("kill", ["--incident", "INC-2", "--yes", realm]));
    assert.doesNotMatch(output, /CAN'T BE REFRESHED/);
    assert.match(output, /2 of 2 instances reported a refresh/);
    assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401]);
    const { verification } = await evidenceOf(scenario, "INC-2", 2);
    assert.deepEqual(
      verification?.instances.map(({ proof }) => proof),
      ["replayed", "replayed"],
    );
  });
});
