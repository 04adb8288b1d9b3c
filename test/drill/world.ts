import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { decodeProtectedHeader } from "jose";
import { z } from "zod";
import { type Evidence, evidenceSchema } from "#operations/evidence/evidence-schema";
import type { ApiFleet } from "../../scripts/lab/api-fleet.ts";
import {
  type KubernetesScenario,
  type KubernetesScenarioOptions,
  openKubernetesScenario,
} from "../../scripts/lab/kubernetes-scenario.ts";
import { movedClockEnv } from "../../scripts/lab/moved-clock.ts";
import { openScenario, projectDir, type Scenario, type ScenarioOptions } from "../../scripts/lab/scenario.ts";
import { type LabStack, openStack, type RunResult } from "../../scripts/lab/stack.ts";

/** Later than the overlap of a realm with Keycloak's defaults: access tokens of 5 min, and 1 min of clock skew. */
export const overlapMs = 7 * 60_000;
/** Runs an up as if the overlap were over. */
export const afterOverlap = { env: movedClockEnv(overlapMs) };

/** Config with which an instance that does not answer is given up after a few seconds. */
export const quickGiveUp = {
  refresh: { attempts: 2, timeoutSeconds: 1 },
  probe: { attempts: 2, timeoutSeconds: 2, watchSeconds: 0 },
};

/** A machine that is busy with other tests must not make healthy instances late. What needs no `up` shows the budget. */
export const patient = {
  emergency: { budgetSeconds: 60 },
  // The watch after a proof has tests of its own.
  probe: { watchSeconds: 0 },
};

/** A scenario over processes or over pods. */
export type AnyScenario = Scenario<ApiFleet>;

/** A scenario that is removed after the test. */
export async function scenarioFor(t: TestContext, options: ScenarioOptions = {}): Promise<Scenario> {
  const scenario = await openScenario({
    instances: 3,
    ...options,
    config: { ...patient, ...options.config },
  });
  t.after(() => scenario.dispose());
  return scenario;
}

/** A scenario whose realm has been adopted by a green rotation 1. */
export async function adoptedScenario(t: TestContext, options: ScenarioOptions = {}): Promise<Scenario> {
  const scenario = await scenarioFor(t, options);
  succeeded(await rotate(scenario, 1, "INC-1"));
  return scenario;
}

/** A scenario whose realm has not been adopted yet, set to a planned rotation 1. */
export async function plannedScenario(t: TestContext): Promise<Scenario> {
  return scenarioFor(t, { config: { mode: "planned", rotation: 1 } });
}

/** A scenario over three pods that is removed after the test. */
export async function kubernetesScenarioFor(
  t: TestContext,
  options: KubernetesScenarioOptions = {},
): Promise<KubernetesScenario> {
  const scenario = await openKubernetesScenario({
    pods: 3,
    ...options,
    config: { ...patient, ...options.config },
  });
  t.after(() => scenario.dispose());
  return scenario;
}

/** A scenario over pods whose realm has been adopted by a green rotation 1. */
export async function adoptedKubernetesScenario(
  t: TestContext,
  options: KubernetesScenarioOptions = {},
): Promise<KubernetesScenario> {
  const scenario = await kubernetesScenarioFor(t, options);
  succeeded(await rotate(scenario, 1, "INC-1"));
  return scenario;
}

/** Another stack over the same realm and instances, with a state of its own; removed after the test. */
export async function anotherStack(
  t: TestContext,
  { keycloak, realm, fleet, evidenceDir, apiRefreshToken }: Scenario,
  name: string,
): Promise<LabStack> {
  const backendDir = await mkdtemp(join(tmpdir(), "lab-stack-"));
  t.after(() => rm(backendDir, { recursive: true, force: true }));
  const stack = await openStack({ projectDir, stack: name, backendDir });
  t.after(() => stack.dispose());
  await stack.setConfig(
    {
      "keycloak:url": keycloak.url,
      "keycloak:clientId": keycloak.adminClientId,
      mode: "emergency",
      realm,
      evidenceDir: join(evidenceDir, name),
      targets: fleet.instances.map(({ name: instance, url }) => ({ name: instance, url })),
      ...patient,
    },
    { "keycloak:clientSecret": keycloak.adminClientSecret, apiRefreshToken },
  );
  return stack;
}

export async function rotate(scenario: AnyScenario, rotation: number, incident: string): Promise<RunResult> {
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
export async function evidenceOf(
  scenario: AnyScenario,
  incident: string,
  rotation: number,
): Promise<Evidence> {
  return evidenceSchema.parse(JSON.parse(await scenario.evidence(incident, rotation)));
}

/** The kid that signs a user's tokens now. */
export async function signingKid(scenario: AnyScenario, algorithm = "RS256"): Promise<string> {
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

/** The status that every instance and Keycloak's userinfo answer to a token. */
export async function statusesOf(scenario: AnyScenario, token: string): Promise<(number | undefined)[]> {
  const userinfo = `${scenario.admin.issuer(scenario.realm)}/protocol/openid-connect/userinfo`;
  const instances = await scenario.fleet.list();
  return Promise.all([
    ...instances.map((instance) => instance.statusOf("/api/me", token)),
    statusOf(userinfo, token),
  ]);
}

/** Component names of this program's keys that are enabled, and all of them. */
export async function managedKeys(scenario: AnyScenario): Promise<{ all: string[]; enabled: string[] }> {
  const components = await scenario.admin.keyComponents(scenario.realm);
  const managed = components.filter(({ name }) => name.startsWith("jwks-break-glass-"));
  const names = (list: typeof managed) => list.map(({ name }) => name).toSorted();
  return {
    all: names(managed),
    enabled: names(managed.filter(({ config }) => config.enabled?.[0] !== "false")),
  };
}

/** How many requests the instances have been sent so far. */
export async function requestCount(scenario: AnyScenario): Promise<number> {
  const logs = await Promise.all(scenario.fleet.instances.map((instance) => instance.accessLog()));
  return logs.reduce((sum, { length }) => sum + length, 0);
}

export const outputsShape = z.looseObject({
  verified: z.boolean(),
  kids: z.record(z.string(), z.string()),
  retiredKids: z.array(z.string()),
});

const plannedShape = z.looseObject({
  kids: z.record(z.string(), z.string()),
  passiveKids: z.array(z.string()),
  retiredKids: z.array(z.string()),
  retireAfter: z.string().nullable(),
});

/** The stack's outputs, as a planned rotation has them. */
export async function plannedOutputs({ stack }: AnyScenario): Promise<z.infer<typeof plannedShape>> {
  return plannedShape.parse(await stack.outputs());
}
