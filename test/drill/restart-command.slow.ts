import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { serve } from "../operations/loopback-server.ts";
import { evidenceOf, failed, rotate, scenarioFor, succeeded } from "./world.ts";

/** What an operator would do by ssh, as programs of this machine: `url` leads to the test, which restarts processes. */
const commands = (url: string) => ({
  command: [
    process.execPath,
    "-e",
    "fetch(process.argv[1]).then(({ ok }) => process.exit(ok ? 0 : 1))",
    `${url}/restart/{name}`,
  ],
  logs: [
    process.execPath,
    "-e",
    "fetch(process.argv[1]).then((r) => r.text()).then(console.log)",
    `${url}/log/{name}`,
  ],
});

suite("instances by URL, with a command that restarts them", () => {
  test("one that keeps its cache and one that was down are restarted and proven; without the command they are red", async (t) => {
    const scenario = await scenarioFor(t, {
      instances: 3,
      config: { probe: { clockSkewSeconds: 0, watchSeconds: 0 } },
    });
    const [liar, dead] = scenario.fleet.instances;
    assert.ok(liar && dead);
    const { url } = await serve(t, async (response, { url: path }) => {
      const [, what, name] = path.split("/");
      const instance = scenario.fleet.instances.find((one) => one.name === name);
      if (what === "log") return response.end((await instance?.log())?.join("\n"));
      await instance?.repair();
      response.end();
    });
    await liar.misbehave("keep-cache");
    await dead.stop();
    const red = failed(await rotate(scenario, 1, "INC-1"));
    assert.match(red.output, new RegExp(`${liar.name} still accepts kid`));
    await scenario.stack.setConfig({ restart: commands(url) });
    succeeded(await scenario.stack.up());
    const evidence = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual(
      evidence.restarts.map(({ subject, outcome, bootstrap }) => [subject, outcome, bootstrap]),
      [liar, dead].map(({ name }) => [name, "done", "seen"]),
    );
    const proofs = evidence.verification?.instances.map(({ instance, proof }) => [instance, proof]);
    assert.deepEqual(proofs, [
      [liar.name, "replayed"],
      [dead.name, "restarted"],
      ["api-3", "replayed"],
    ]);
  });
});
