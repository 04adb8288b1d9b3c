import { createRequire } from "node:module";
import { RotationError } from "#operations/base/errors";
import { onEveryInstance } from "#operations/fleet/instances";
import { callInternal } from "#operations/fleet/internal-call";
import { refreshInstance } from "#operations/fleet/refresh";
import { sweep } from "#operations/fleet/sweep";
import { openTargets } from "#operations/fleet/targets";
import { probe } from "#operations/proof/probe";
import { errorTypeOf } from "#operations/telemetry/span";
import { endTrace, inPhase } from "#operations/telemetry/telemetry";
import { probeSettings, refreshSettings, runContext, staticTargets } from "../samples.ts";

// A process of its own, for the environment decides when a module is loaded: two phases over one instance.
const [url = "", token = ""] = process.argv.slice(2);
const run = runContext("evidence");
const instance = { name: "api-1", url };
const startedAt = performance.now();

await inPhase(run, "enforce", async () => {
  const targets = await openTargets(staticTargets(instance));
  await sweep(targets, { concurrency: 1, readyTimeoutMs: 0 }, async (open) => {
    await refreshInstance(open, refreshSettings, ["refresh-token-0123456789"], { present: [], absent: [] });
    await probe(open, probeSettings, token);
    const deny = { method: "PUT", path: "/deny-list/sid-0123456789", operation: "deny-list" } as const;
    await callInternal(open, deny, refreshSettings, ["refresh-token-0123456789"]);
  });
});
const failure = new RotationError("JWKS_NOT_CURRENT", "x", { nextStep: "y" });
const error = await inPhase(run, "cut-over", () => Promise.reject(failure)).catch((thrown) => thrown);
// Outside of a phase, nothing is traced.
await onEveryInstance([instance], 1, (open) => probe(open, probeSettings, token));
const workedMs = performance.now() - startedAt;
await endTrace(run, errorTypeOf(error));
const endedMs = performance.now() - startedAt - workedMs;
// A phase that comes after the end of the rotation sends its own spans.
await inPhase(run, "thaw", async () => undefined);
const thawedMs = performance.now() - startedAt - workedMs - endedMs;

const loaded = Object.keys(createRequire(import.meta.url).cache);
const isLoaded = loaded.some((path) => path.includes("@opentelemetry"));
console.log(JSON.stringify({ workedMs, endedMs, thawedMs, isLoaded }));
process.exit(0);
