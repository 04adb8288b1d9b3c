import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { checkBundle } from "#operations/evidence/check/check-bundle";
import { type Fleet, startFleet } from "../../scripts/lab/fleet.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { strictCache } from "../../scripts/lab/scenario-boot.ts";
import { signalledAt, upKilledAt } from "./killed-up.ts";
import { evidenceOf, failed, rotate, scenarioFor, signingKid, succeeded } from "./world.ts";

/** A CDN in front of the realm's JWKS URL, one edge of which can go back to what it served before. */
interface Edge {
  url: string;
  /** Keeps what is published now. */
  remember(): Promise<void>;
  /** Whether it serves what it remembers. */
  isStale: boolean;
}

async function startEdge(t: TestContext, origin: string): Promise<Edge> {
  let remembered = "";
  const read = async () => (await fetch(origin)).text();
  const server = createServer((_request, response) => {
    const body = edge.isStale ? Promise.resolve(remembered) : read();
    void body.then((text) => response.writeHead(200, { "content-type": "application/json" }).end(text));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const edge: Edge = {
    ...{ url: `http://127.0.0.1:${port}/jwks`, isStale: false },
    remember: async () => {
      remembered = await read();
    },
  };
  return edge;
}

interface Watched {
  scenario: Scenario;
  edge: Edge;
  /** The instance that fetches through the edge. */
  behind: Fleet["instances"][number];
}

/** Two instances, of which the second fetches its keys through the edge, anew for each kid that it does not know. */
async function watchedScenario(
  t: TestContext,
  onLine: (line: string) => void = () => undefined,
): Promise<Watched> {
  const scenario = await scenarioFor(t, { instances: 0, onLine });
  const { admin, realm, apiRefreshToken } = scenario;
  const edge = await startEdge(t, admin.jwksUri(realm));
  const shared = { count: 1, issuer: admin.issuer(realm), apiRefreshToken };
  const direct = await startFleet({ ...shared, env: strictCache });
  t.after(() => direct.stop());
  const through = await startFleet({
    ...shared,
    env: { ...strictCache, JWKS_URI: edge.url, COOLDOWN_MS: "0" },
  });
  t.after(() => through.stop());
  const [sound, behind] = [direct.instances[0], through.instances[0]];
  assert.ok(sound && behind);
  await scenario.stack.setConfig({
    targets: [
      { name: "direct", url: sound.url },
      { name: "behind-edge", url: behind.url },
    ],
  });
  return { scenario, edge, behind };
}

suite("the watch after the proof of an emergency", () => {
  test("is quiet where no key comes back; where one edge of a CDN goes back, the up is red, names the instance, thaws nothing, and the next up is due", async (t) => {
    let onWatch = () => {};
    const { scenario, edge, behind } = await watchedScenario(t, (line) => {
      if (/\[watch\] proven; watching for a relapse/.test(line)) onWatch();
    });
    const { stack, admin, realm } = scenario;
    await stack.setConfig({ freeze: "api", probe: { watchSeconds: 2 } });
    const adopted = succeeded(await rotate(scenario, 1, "INC-1"));
    assert.match(adopted.output, /\[watch\] proven; watching for a relapse, 2 s left/);
    assert.match(adopted.output, /\[watch\] no relapse in 2 s \(1 round over 2 instances and 1 JWKS URL\)/);
    const clean = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual([clean.outcome, clean.watch?.relapses, clean.watch?.cutShort], ["verified", [], false]);
    succeeded(await stack.preview(["--expect-no-changes"]));

    const dead = await signingKid(scenario);
    await edge.remember();
    await stack.setConfig({ probe: { watchSeconds: 12 } });
    onWatch = () => {
      edge.isStale = true;
    };
    const { output } = failed(await rotate(scenario, 2, "INC-2"));
    assert.match(output, new RegExp(`RELAPSED[\\s\\S]*behind-edge.* accepts retired kid ${dead} again`));
    assert.doesNotMatch(output, /\[thaw\]/);
    const red = await evidenceOf(scenario, "INC-2", 2);
    assert.deepEqual(
      [red.outcome, red.failedPhase, red.verification?.verified, red.exposureWindow],
      ["failed", "watch", true, undefined],
    );
    assert.deepEqual(
      red.watch?.relapses.map(({ instance, kid }) => [instance, kid]),
      [["behind-edge", dead]],
    );
    const { findings, ok } = await checkBundle(join(scenario.evidenceDir, "INC-2", "2"));
    assert.ok(ok, JSON.stringify(findings));
    const marks = (await admin.keyComponents(realm)).map(({ subType }) => String(subType ?? ""));
    assert.ok(
      marks.some((mark) => mark.includes("died open 2")),
      marks.join(),
    );
    failed(await stack.preview(["--expect-no-changes"]));

    onWatch = () => {};
    edge.isStale = false;
    await fetch(`${behind.url}/internal/auth/jwks/refresh`, {
      method: "POST",
      headers: { authorization: `Bearer ${scenario.apiRefreshToken}` },
    });
    await stack.setConfig({ probe: { watchSeconds: 2 } });
    const healed = succeeded(await stack.up());
    assert.match(healed.output, /\[thaw\]/);
    const green = await evidenceOf(scenario, "INC-2", 2);
    assert.deepEqual([green.outcome, green.watch?.relapses], ["verified", []]);
    succeeded(await stack.preview(["--expect-no-changes"]));
  });

  test("is begun anew by the next up where kill -9 has ended it, and its bundle is written then", async (t) => {
    const { scenario } = await watchedScenario(t);
    const { stack } = scenario;
    await stack.setConfig({ rotation: 1, incident: "INC-1", probe: { watchSeconds: 600 } });
    await upKilledAt(scenario, /\[watch\] proven; watching/);
    await stack.cancel();
    await stack.setConfig({ probe: { watchSeconds: 1 } });
    assert.match(succeeded(await stack.up()).output, /\[watch\] no relapse in 1 s/);
    const { outcome, watch, verification } = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual([outcome, watch?.cutShort, verification?.verified], ["verified", false, true]);
    succeeded(await stack.preview(["--expect-no-changes"]));
  });

  test("of npm run kill is cut short by Ctrl-C: the run stays proven, and says so", async (t) => {
    const { scenario } = await watchedScenario(t);
    await scenario.stack.setConfig({ rotation: 1, incident: "INC-1", probe: { watchSeconds: 600 } });
    const child = scenario.stack.spawnScript("kill", ["--incident", "INC-1", "--yes", scenario.realm]);
    const { exitCode, output } = await signalledAt(child, /\[watch\] proven; watching/, "SIGINT");
    assert.equal(exitCode, 0, output);
    assert.match(output, /\[watch\] the watch was cut short after \d+ of 600 s/);
    assert.match(output, /GREEN {2}realm shop-/);
    const { outcome, watch, scope } = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual([outcome, watch?.cutShort], ["verified", true]);
    assert.match((scope ?? []).join(), /The watch after the proof was cut short after \d+ of 600 s/);
    const report = await scenario.evidence("INC-1", 1, "report.md");
    assert.match(report, /## Watch[\s\S]*cut short after \d+ of 600 s/);
  });
});
