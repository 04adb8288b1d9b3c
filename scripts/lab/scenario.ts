import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { ApiFleet } from "./api-fleet.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import type { LabKeycloak } from "./keycloak.ts";
import type { LabAdmin } from "./keycloak-realms.ts";
import { bootScenario, type ScenarioCore, type SharedOptions, strictCache, unwind } from "./scenario-boot.ts";
import { projectDir } from "./scenario-project.ts";
import type { LabStack } from "./stack.ts";

export { projectDir } from "./scenario-project.ts";

export interface ScenarioOptions extends SharedOptions {
  /** API processes. Default: 5. */
  instances?: number;
}

/** A realm, API processes that trust it, and a stack of the program over both. `dispose` removes all of it. */
export class Scenario<F extends ApiFleet = Fleet> {
  readonly keycloak: LabKeycloak;
  readonly admin: LabAdmin;
  readonly realm: string;
  readonly fleet: F;
  readonly stack: LabStack;
  readonly evidenceDir: string;
  /** INTERNAL_JWKS_REFRESH_TOKEN of the API processes, where the lab sets it. */
  readonly apiRefreshToken: string;
  readonly directory: string;
  readonly #core: ScenarioCore<F>;

  constructor(core: ScenarioCore<F>) {
    this.keycloak = core.keycloak;
    this.admin = core.admin;
    this.realm = core.realm;
    this.fleet = core.fleet;
    this.stack = core.stack;
    this.evidenceDir = core.evidenceDir;
    this.apiRefreshToken = core.apiRefreshToken;
    this.directory = core.directory;
    this.#core = core;
  }

  /** Sets `rotation`, `incident` and more config. */
  async rotateTo(rotation: number, incident: string, more: Record<string, unknown> = {}): Promise<void> {
    await this.stack.setConfig({ rotation, incident, ...more });
  }

  /** A file of a rotation's evidence bundle. */
  async evidence(incident: string, rotation: number, file = "evidence.json"): Promise<string> {
    return readFile(resolve(projectDir, this.evidenceDir, incident, String(rotation), file), "utf8");
  }

  async dispose(): Promise<void> {
    await unwind(this.#core.undo);
  }
}

/** Boots a scenario over plain processes. If a part does not start, the parts before it are stopped. */
export async function openScenario(options: ScenarioOptions = {}): Promise<Scenario> {
  const { instances: count = 5 } = options;
  const core = await bootScenario(options, async ({ issuer, apiRefreshToken, onProgress }) => {
    onProgress(`starting ${count} API processes`);
    const fleet = await startFleet({ count, issuer, apiRefreshToken, env: strictCache });
    const instances = fleet.instances.map(({ name, url }) => ({ name, url }));
    return { fleet, config: { targets: instances }, secrets: { apiRefreshToken } };
  });
  return new Scenario(core);
}
