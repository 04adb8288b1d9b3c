import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { suite, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { refusingUrl, sendJson, serve } from "../loopback-server.ts";
import { receiveSpans } from "./otlp-receiver.ts";

const program = fileURLToPath(new URL("traced-run.ts", import.meta.url));
const header = Buffer.from(JSON.stringify({ alg: "RS256", kid: "old" })).toString("base64url");
const token = `${header}.eyJzdWIiOiJzZWNyZXQtc3ViamVjdCJ9.c2lnbmF0dXJlLW9mLWl0`;

type Measured = "workedMs" | "endedMs" | "thawedMs";

/** Runs phases over one instance in a process of its own. */
async function tracedRun(t: TestContext, env: Record<string, string>) {
  const api = await serve(t, (response, { method }) => sendJson(response, method === "GET" ? 401 : 200, {}));
  const plain = Object.entries(process.env).filter(([key]) => !/^(OTEL_|TRACEPARENT)/.test(key));
  const options = { env: { ...Object.fromEntries(plain), ...env }, timeout: 30_000 };
  const { stdout } = await promisify(execFile)(process.execPath, [program, api.url, token], options);
  const lines = stdout.trim().split("\n");
  const found = JSON.parse(lines.at(-1) ?? "") as Record<Measured, number> & { isLoaded: boolean };
  return { ...found, lines: lines.slice(0, -1), api };
}

suite("telemetry", () => {
  test("a rotation, its phases, its instances and their operations form one trace, each the child of the one before", async (t) => {
    const receiver = await receiveSpans(t);
    const [traceId, parent] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
    const { api, isLoaded } = await tracedRun(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_SERVICE_NAME: "rotations",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=prod",
      TRACEPARENT: `00-${traceId}-${parent}-01`,
    });
    assert.equal(isLoaded, true);
    const spans = receiver.spans();
    assert.deepEqual(new Set(receiver.paths()), new Set(["/v1/traces"]));
    assert.deepEqual(new Set(spans.map((span) => span.traceId)), new Set([traceId]));
    const nameOf = (id: string) =>
      id === parent ? "from outside" : spans.find(({ spanId }) => spanId === id)?.name;
    assert.deepEqual(spans.map(({ name, parentSpanId }) => `${nameOf(parentSpanId)} > ${name}`).toSorted(), [
      "enforce > instance",
      "from outside > rotation",
      "instance > deny-list",
      "instance > probe",
      "instance > refresh",
      "rotation > cut-over",
      "rotation > enforce",
      "rotation > thaw",
    ]);
    const byName = new Map(spans.map((span) => [span.name, span]));
    const common = {
      "jwks.realm": "shop",
      "jwks.rotation": 8,
      "jwks.mode": "emergency",
      "jwks.incident": "INC-4711",
      "jwks.stack": "prod",
    };
    const inEnforce = { ...common, "jwks.phase": "enforce", "jwks.instance": "api-1" };
    assert.deepEqual(byName.get("instance")?.attributes, inEnforce);
    assert.deepEqual(byName.get("refresh")?.attributes, {
      ...inEnforce,
      "http.request.method": "POST",
      "url.full": `${api.url}/internal/auth/jwks/refresh`,
      "http.response.status_code": 200,
      "jwks.outcome": "done",
    });
    assert.deepEqual(byName.get("probe")?.attributes, {
      ...inEnforce,
      "http.request.method": "GET",
      "url.full": `${api.url}/api/me`,
      "jwks.kid": "old",
      "jwks.verdict": "rejected",
      "http.response.status_code": 401,
    });
    const failed = spans.filter(({ isError }) => isError).map(({ name }) => name);
    assert.deepEqual(failed.toSorted(), ["cut-over", "rotation"]);
    assert.equal(byName.get("cut-over")?.attributes["error.type"], "JWKS_NOT_CURRENT");
    const { resource = {} } = byName.get("rotation") ?? {};
    assert.deepEqual(
      [resource["service.name"], resource["deployment.environment.name"]],
      ["rotations", "prod"],
    );
  });

  test("nothing that is sent holds a token, a secret or a session id", async (t) => {
    const receiver = await receiveSpans(t);
    await tracedRun(t, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/in/v1/traces` });
    assert.deepEqual(new Set(receiver.paths()), new Set(["/in/v1/traces"]));
    assert.ok(receiver.raw().includes("jwks-break-glass"));
    assert.ok(receiver.raw().includes("/deny-list/{sid}"));
    for (const secret of [...token.split("."), "refresh-token-0123456789", "sid-0123456789"])
      assert.ok(!receiver.raw().includes(secret));
  });

  for (const [title, env] of [
    ["without an endpoint", {}],
    [
      "with OTEL_SDK_DISABLED",
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_SDK_DISABLED: "true" },
    ],
    ["with no exporter", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_TRACES_EXPORTER: "none" }],
  ] as const) {
    test(`${title}, nothing of OpenTelemetry is loaded`, async (t) => {
      const { isLoaded, lines } = await tracedRun(t, env);
      assert.deepEqual([isLoaded, lines], [false, []]);
    });
  }

  test("gRPC is reported as not supported, and the run continues", async (t) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
    const { lines } = await tracedRun(t, env);
    assert.match(lines.join("\n"), /^\[telemetry\] warning: .*http\/protobuf only.*grpc/);
  });

  test("a receiver that is down or never answers delays the end of a run by two seconds at most", async (t) => {
    const hanging = await serve(t, () => undefined);
    for (const url of [await refusingUrl(), hanging.url]) {
      const { workedMs, endedMs, thawedMs } = await tracedRun(t, { OTEL_EXPORTER_OTLP_ENDPOINT: url });
      // Two seconds are the limit; the rest is a machine that is busy.
      assert.ok(endedMs < 4_000, `the end took ${endedMs} ms`);
      assert.ok(thawedMs < 4_000, `the phase after it took ${thawedMs} ms`);
      assert.ok(workedMs < 10_000, `the work took ${workedMs} ms`);
    }
    assert.ok(hanging.received.length > 0);
  });
});
