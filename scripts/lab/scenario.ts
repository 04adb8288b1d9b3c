import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Fleet, startFleet } from "./fleet.ts";
import { type LabKeycloak, startKeycloak } from "./keycloak.ts";
import { LabAdmin } from "./keycloak-realms.ts";
import { type LabStack, openStack } from "./stack.ts";

/** This repository: the Pulumi project that a scenario runs. */
export const projectDir = fileURLToPath(new URL("../..", import.meta.url));

export interface ScenarioOptions {
  /** API processes. Default: 5. */
  instances?: number;
  /** Where the evidence goes, absolute or below the project. Default: a temporary directory that goes with the scenario. */
  evidenceDir?: string;
  /** Lines of progress while it boots. Default: none. */
  onProgress?: (line: string) => void;
  /** Every line of an engine's output. Default: none. */
  onLine?: (line: string) => void;
  /** The realm's name; made by `makeRealm`. Default: a random one. */
  realm?: string;
  /** Default: as Keycloak's console does, with an id that is not its name. */
  makeRealm?: (admin: LabAdmin, name: string, keycloak: LabKeycloak) => Promise<unknown>;
  /** Stack config beside or instead of the scenario's own. */
  config?: Record<string, unknown>;
}

interface ScenarioParts {
  keycloak: LabKeycloak;
  admin: LabAdmin;
  realm: string;
  fleet: Fleet;
  stack: LabStack;
  evidenceDir: string;
  refreshToken: string;
  directory: string;
}

/** A realm, API processes that trust it, and a stack of the program over both. All of it goes with `dispose`. */
export class Scenario {
  readonly keycloak: LabKeycloak;
  readonly admin: LabAdmin;
  readonly realm: string;
  readonly fleet: Fleet;
  readonly stack: LabStack;
  readonly evidenceDir: string;
  readonly refreshToken: string;
  readonly directory: string;

  constructor(parts: ScenarioParts) {
    this.keycloak = parts.keycloak;
    this.admin = parts.admin;
    this.realm = parts.realm;
    this.fleet = parts.fleet;
    this.stack = parts.stack;
    this.evidenceDir = parts.evidenceDir;
    this.refreshToken = parts.refreshToken;
    this.directory = parts.directory;
  }

  /** Sets `rotation` and what goes with it. */
  async rotateTo(rotation: number, incident: string, more: Record<string, unknown> = {}): Promise<void> {
    await this.stack.setConfig({ rotation, incident, ...more });
  }

  /** A file of a rotation's evidence bundle. */
  async evidence(incident: string, rotation: number, file = "evidence.json"): Promise<string> {
    return readFile(resolve(projectDir, this.evidenceDir, incident, String(rotation), file), "utf8");
  }

  async dispose(): Promise<void> {
    await this.stack.dispose();
    await this.fleet.stop();
    await this.admin.deleteRealm(this.realm).catch(() => undefined);
    await this.keycloak.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Nothing but a refresh drops a key: else an instance that can't be refreshed would heal half-way through a slow run. */
const strictCache = { COOLDOWN_MS: "3600000", CACHE_MAX_AGE_MS: "3600000" };

/** Boots a scenario. Where a part does not start, those before it are stopped. */
export async function openScenario(options: ScenarioOptions = {}): Promise<Scenario> {
  const { instances = 5, onProgress = () => {}, realm = `shop-${randomUUID().slice(0, 8)}` } = options;
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const directory = await mkdtemp(join(tmpdir(), "lab-scenario-"));
    undo.push(() => rm(directory, { recursive: true, force: true }));
    const keycloak = await startKeycloak({ onProgress });
    undo.push(() => keycloak.stop());
    const admin = new LabAdmin(keycloak);
    await (options.makeRealm ?? ((by, name) => by.createRealm(name)))(admin, realm, keycloak);
    const refreshToken = randomBytes(24).toString("base64url");
    onProgress(`starting ${instances} API processes`);
    const fleet = await startFleet({
      count: instances,
      issuer: admin.issuer(realm),
      refreshToken,
      env: strictCache,
    });
    undo.push(() => fleet.stop());
    const evidenceDir = options.evidenceDir ?? join(directory, "evidence");
    const { onLine } = options;
    const backendDir = join(directory, "backend");
    const stack = await openStack({ projectDir, stack: "drill", backendDir, ...(onLine ? { onLine } : {}) });
    const scenario = new Scenario({
      keycloak,
      admin,
      realm,
      fleet,
      stack,
      evidenceDir,
      refreshToken,
      directory,
    });
    await configure(scenario, options.config ?? {});
    return scenario;
  } catch (error) {
    for (const step of undo.toReversed()) await step().catch(() => undefined);
    throw error;
  }
}

async function configure(scenario: Scenario, config: Record<string, unknown>): Promise<void> {
  const { keycloak, realm, fleet, evidenceDir, refreshToken } = scenario;
  await scenario.stack.setConfig(
    {
      "keycloak:url": keycloak.url,
      "keycloak:clientId": keycloak.adminClientId,
      mode: "emergency",
      realm,
      evidenceDir,
      instances: fleet.instances.map(({ name, url }) => ({ name, url })),
      ...config,
    },
    { "keycloak:clientSecret": keycloak.adminClientSecret, refreshToken },
  );
}
