import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { decodeProtectedHeader } from "jose";
import { z } from "zod";
import { type Evidence, evidenceSchema } from "#operations/evidence-schema";
import { openScenario, type Scenario, type ScenarioOptions } from "../../scripts/lab/scenario.ts";
import type { RunResult } from "../../scripts/lab/stack.ts";

/** A scenario that goes with the test. */
export async function scenarioFor(t: TestContext, options: ScenarioOptions = {}): Promise<Scenario> {
  const scenario = await openScenario({ instances: 3, ...options });
  t.after(() => scenario.dispose());
  return scenario;
}

/** A scenario whose realm has been adopted by a green rotation 1. */
export async function adoptedScenario(t: TestContext, options: ScenarioOptions = {}): Promise<Scenario> {
  const scenario = await scenarioFor(t, options);
  succeeded(await rotate(scenario, 1, "INC-1"));
  return scenario;
}

export async function rotate(scenario: Scenario, rotation: number, incident: string): Promise<RunResult> {
  await scenario.rotateTo(rotation, incident);
  return scenario.stack.up();
}

export function succeeded(result: RunResult): RunResult {
  assert.equal(result.exitCode, 0, result.output);
  return result;
}

export function failed(result: RunResult): RunResult {
  assert.notEqual(result.exitCode, 0, result.output);
  return result;
}

/** The evidence of a rotation, checked against the schema. */
export async function evidenceOf(scenario: Scenario, incident: string, rotation: number): Promise<Evidence> {
  return evidenceSchema.parse(JSON.parse(await scenario.evidence(incident, rotation)));
}

/** The kid that signs a user's tokens now. */
export async function signingKid(scenario: Scenario, algorithm = "RS256"): Promise<string> {
  const { active } = await scenario.admin.keys(scenario.realm);
  return active[algorithm] ?? assert.fail(`no active ${algorithm} key`);
}

export function kidOf(token: string): string {
  return decodeProtectedHeader(token).kid ?? assert.fail("the token has no kid");
}

export async function statusOf(url: string, token: string): Promise<number> {
  const { status, body } = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await body?.cancel();
  return status;
}

/** What every instance and Keycloak's userinfo say of a token. */
export async function statusesOf(scenario: Scenario, token: string): Promise<number[]> {
  const userinfo = `${scenario.admin.issuer(scenario.realm)}/protocol/openid-connect/userinfo`;
  const urls = [...scenario.fleet.instances.map(({ url }) => `${url}/api/me`), userinfo];
  return Promise.all(urls.map((url) => statusOf(url, token)));
}

/** Component names of this program's keys that are enabled, and all of them. */
export async function managedKeys(scenario: Scenario): Promise<{ all: string[]; enabled: string[] }> {
  const components = await scenario.admin.keyComponents(scenario.realm);
  const managed = components.filter(({ name }) => name.startsWith("jwks-break-glass-"));
  const names = (list: typeof managed) => list.map(({ name }) => name).toSorted();
  return {
    all: names(managed),
    enabled: names(managed.filter(({ config }) => config.enabled?.[0] !== "false")),
  };
}

/** How many requests the instances have been sent so far. */
export async function requestCount(scenario: Scenario): Promise<number> {
  const logs = await Promise.all(scenario.fleet.instances.map((instance) => instance.accessLog()));
  return logs.reduce((sum, { length }) => sum + length, 0);
}

export const outputsShape = z.looseObject({
  verified: z.boolean(),
  kids: z.record(z.string(), z.string()),
  retiredKids: z.array(z.string()),
});
