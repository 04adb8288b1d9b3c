import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiFleet } from "./api-fleet.ts";
import { type LabKeycloak, startKeycloak } from "./keycloak.ts";
import { LabAdmin } from "./keycloak-realms.ts";
import { projectDir } from "./scenario-project.ts";
import { type LabStack, openStack } from "./stack.ts";

/** Options of every kind of scenario. */
export interface SharedOptions {
  /** Where the evidence goes, absolute or below the project. Default: a temporary directory that is removed with the scenario. */
  evidenceDir?: string;
  /** Lines of progress while it boots. Default: none. */
  onProgress?: (line: string) => void;
  /** Every line of an engine's output. Default: none. */
  onLine?: (line: string) => void;
  /** The realm's name; made by `makeRealm`. Default: a random one. */
  realm?: string;
  /** Default: as Keycloak's console does, with an id that is not its name. */
  makeRealm?: (admin: LabAdmin, name: string, keycloak: LabKeycloak) => Promise<unknown>;
  /** That protects the stack's secrets. Default: a random one. */
  passphrase?: string;
  /** Stack config that adds to the scenario's own or replaces it. */
  config?: Record<string, unknown>;
}

/** Steps that undo what has been started, the oldest first. */
export type Undo = (() => Promise<unknown>)[];

/** What the API processes are started in. */
export interface FleetSurroundings {
  issuer: string;
  /** For their refresh operation. */
  apiRefreshToken: string;
  onProgress: (line: string) => void;
  /** Takes what undoes each start. */
  undo: Undo;
}

/** The API processes, and the stack config that names them. */
export interface StartedFleet<F extends ApiFleet> {
  fleet: F;
  config: Record<string, unknown>;
  secrets: Record<string, string>;
}

export interface ScenarioCore<F extends ApiFleet> {
  keycloak: LabKeycloak;
  admin: LabAdmin;
  realm: string;
  fleet: F;
  stack: LabStack;
  evidenceDir: string;
  apiRefreshToken: string;
  directory: string;
  undo: Undo;
}

/** Only a refresh drops a key: else an instance that can't be refreshed would recover by itself during a slow run. */
export const strictCache = { COOLDOWN_MS: "3600000", CACHE_MAX_AGE_MS: "3600000" };

/** Undoes everything, the latest first, also after a failure. Throws the first failure. */
export async function unwind(undo: Undo): Promise<void> {
  const failures: unknown[] = [];
  for (const step of undo.splice(0).toReversed()) await step().catch((error) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/**
 * Boots Keycloak, a realm, API processes and a stack. If a part does not start, the parts before it are stopped.
 *
 * @param undo for what the caller has already started. Default: nothing
 */
export async function bootScenario<F extends ApiFleet>(
  options: SharedOptions,
  startFleet: (surroundings: FleetSurroundings) => Promise<StartedFleet<F>>,
  undo: Undo = [],
): Promise<ScenarioCore<F>> {
  try {
    return await boot(options, startFleet, undo);
  } catch (error) {
    await unwind(undo).catch(() => undefined);
    throw error;
  }
}

async function boot<F extends ApiFleet>(
  options: SharedOptions,
  startFleet: (surroundings: FleetSurroundings) => Promise<StartedFleet<F>>,
  undo: Undo,
): Promise<ScenarioCore<F>> {
  const { onProgress = () => {}, realm = `shop-${randomUUID().slice(0, 8)}` } = options;
  const directory = await mkdtemp(join(tmpdir(), "lab-scenario-"));
  undo.push(() => rm(directory, { recursive: true, force: true }));
  const keycloak = await startKeycloak({ onProgress });
  undo.push(() => keycloak.stop());
  const admin = new LabAdmin(keycloak);
  await (options.makeRealm ?? ((by, name) => by.createRealm(name)))(admin, realm, keycloak);
  undo.push(() => admin.deleteRealm(realm).catch(() => undefined));
  const apiRefreshToken = randomBytes(24).toString("base64url");
  const issuer = admin.issuer(realm);
  const { fleet, config, secrets } = await startFleet({ issuer, apiRefreshToken, onProgress, undo });
  undo.push(() => fleet.stop());
  const stack = await openScenarioStack(directory, options);
  undo.push(() => stack.dispose());
  const evidenceDir = options.evidenceDir ?? join(directory, "evidence");
  const core = { keycloak, admin, realm, fleet, stack, evidenceDir, apiRefreshToken, directory, undo };
  await configure(core, { ...config, ...options.config }, secrets);
  return core;
}

function openScenarioStack(directory: string, { onLine, passphrase }: SharedOptions): Promise<LabStack> {
  const backendDir = join(directory, "backend");
  const env = passphrase === undefined ? {} : { PULUMI_CONFIG_PASSPHRASE: passphrase };
  return openStack({ projectDir, stack: "drill", backendDir, env, ...(onLine ? { onLine } : {}) });
}

async function configure(
  { keycloak, realm, stack, evidenceDir }: ScenarioCore<ApiFleet>,
  config: Record<string, unknown>,
  secrets: Record<string, string>,
): Promise<void> {
  await stack.setConfig(
    {
      "keycloak:url": keycloak.url,
      "keycloak:clientId": keycloak.adminClientId,
      mode: "emergency",
      realm,
      evidenceDir,
      ...config,
    },
    { "keycloak:clientSecret": keycloak.adminClientSecret, ...secrets },
  );
}
