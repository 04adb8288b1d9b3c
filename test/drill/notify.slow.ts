import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { RunResult } from "../../scripts/lab/stack.ts";
import {
  type Answer,
  type LoopbackServer,
  refusingUrl,
  sendJson,
  serve,
} from "../operations/loopback-server.ts";
import { receiveSpans } from "../operations/telemetry/otlp-receiver.ts";
import { type AnyScenario, evidenceOf, failed, scenarioFor, signingKid, succeeded } from "./world.ts";

const secretPath = "/services/T000/B000/0123456789abcdef";

/** Rotates with a webhook, whose URL is a secret of the stack. */
async function rotateTelling(scenario: AnyScenario, rotation: number, url: string): Promise<RunResult> {
  await scenario.stack.setConfig({}, { notify: JSON.stringify({ url: url + secretPath }) });
  await scenario.rotateTo(rotation, `INC-${rotation}`);
  return scenario.stack.up();
}

function texts({ received }: LoopbackServer): string[] {
  return received.map(({ body }) => (JSON.parse(body) as { text: string }).text);
}

suite("watching a run", () => {
  test("a receiver gets STARTED and VERIFIED of a green run, STARTED and FAILED of a red one, and no secret", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    const receiver = await serve(t, (response) => sendJson(response, 200, {}));
    const green = succeeded(await rotateTelling(scenario, 1, receiver.url));
    await scenario.fleet.instances[0]?.misbehave("keep-cache");
    const red = failed(await rotateTelling(scenario, 2, receiver.url));

    const [started, verified, again, isRed, ...more] = texts(receiver);
    assert.match(started ?? "", /^STARTED: rotation 1 of realm shop-\w+, stack drill\nmode: emergency/);
    assert.match(verified ?? "", /^VERIFIED: rotation 1[\s\S]*instances: 2 of 2 proven[\s\S]*INC-1\/1/);
    assert.match(again ?? "", /^STARTED: rotation 2/);
    assert.match(isRed ?? "", /^FAILED in phase enforce: rotation 2[\s\S]*not proven \(1\): api-1/);
    assert.deepEqual(more, []);
    const { keycloak, apiRefreshToken, directory, stack } = scenario;
    const sent = texts(receiver).join("\n");
    for (const secret of [keycloak.adminClientSecret, apiRefreshToken, directory, "eyJ"])
      assert.ok(!sent.includes(secret));
    const state = JSON.stringify(await stack.export());
    for (const text of [green.output, red.output, state, sent]) assert.ok(!text.includes(secretPath));
  });

  test("the same up that turns a red run green reports that it is verified", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    const receiver = await serve(t, (response) => sendJson(response, 200, {}));
    const [first] = scenario.fleet.instances;
    await first?.misbehave("keep-cache");
    failed(await rotateTelling(scenario, 1, receiver.url));
    await first?.misbehave("none");
    succeeded(await scenario.stack.up());
    succeeded(await scenario.stack.up());
    assert.deepEqual(
      texts(receiver).map((text) => text.split(/[: ]/)[0]),
      ["STARTED", "FAILED", "VERIFIED"],
    );
  });

  test("a receiver that is down, answers 500 or never answers causes a warning, and the rotation is green", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    const broken: [string, RegExp][] = [
      [await refusingUrl(), /did not accept the message \(connection failed: ECONNREFUSED, 3 attempts\)/],
      [await receiverThat(t, (response) => sendJson(response, 500, {})), /\(HTTP 500, 3 attempts\)/],
      [await receiverThat(t, () => undefined), /\(no answer within 5000 ms, 3 attempts\)/],
    ];
    for (const [index, [url, warning]] of broken.entries()) {
      const rotation = index + 1;
      const { output } = succeeded(await rotateTelling(scenario, rotation, url));
      assert.match(output, warning);
      assert.ok(!output.includes(secretPath));
      const { outcome, exposureWindow } = await evidenceOf(scenario, `INC-${rotation}`, rotation);
      assert.equal(outcome, "verified");
      // Not even a receiver that never answers may keep a stolen key alive.
      assert.ok((exposureWindow?.ms ?? Number.POSITIVE_INFINITY) < 10_000, `${exposureWindow?.ms} ms`);
    }
  });

  test("a run's phases and every instance's operations are one trace, without a secret; a collector that hangs costs nothing", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    const collector = await receiveSpans(t);
    await scenario.rotateTo(1, "INC-1");
    succeeded(await scenario.stack.up([], { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } }));
    const spans = collector.spans();
    const [root, ...others] = spans.filter(({ name }) => name === "rotation");
    assert.ok(root && others.length === 0);
    assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([root.traceId]));
    const phases = spans.filter(({ parentSpanId }) => parentSpanId === root.spanId).map(({ name }) => name);
    assert.deepEqual(phases.toSorted(), ["canary", "cut-over", "enforce", "publish", "verify"]);
    const refreshed = spans.filter(
      ({ name, attributes }) => name === "refresh" && attributes["jwks.phase"] === "enforce",
    );
    assert.deepEqual(refreshed.map(({ attributes }) => attributes["jwks.instance"]).toSorted(), [
      "api-1",
      "api-2",
    ]);
    const kid = await signingKid(scenario);
    assert.ok(spans.some(({ name, attributes }) => name === "probe" && attributes["jwks.kid"] === kid));
    const { keycloak, apiRefreshToken } = scenario;
    for (const secret of [keycloak.adminClientSecret, apiRefreshToken, "eyJ"])
      assert.ok(!collector.raw().includes(secret));

    const hanging = await receiverThat(t, () => undefined);
    await scenario.rotateTo(2, "INC-2");
    const { output } = succeeded(
      await scenario.stack.up([], { env: { OTEL_EXPORTER_OTLP_ENDPOINT: hanging } }),
    );
    assert.doesNotMatch(output, /telemetry|otlp/i);
  });

  test("a webhook over plain http is refused before anything is touched, and the URL is not shown", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    const { output } = failed(await rotateTelling(scenario, 1, "http://hooks.example.com"));
    assert.match(output, /SETTINGS_INVALID[\s\S]*notify\.url: is not an https URL/);
    assert.ok(!output.includes("0123456789abcdef"));
  });
});

async function receiverThat(t: TestContext, answer: Answer): Promise<string> {
  return (await serve(t, answer)).url;
}
