import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { ConfigValues } from "../../stack-file/config-values.ts";
import type { Project } from "../../stack-file/project.ts";
import type { NodeChild } from "./child-process.ts";
import type { DeployEvents } from "./deploy/deploy-events.ts";
import { Executor } from "./deploy/executor.ts";
import { ProviderRegistry } from "./deploy/provider-registry.ts";
import { engineService } from "./engine-service.ts";
import { ALREADY_REPORTED_EXIT_CODE, startProgram } from "./program.ts";
import { type PropertyMap, toSecret } from "./property-values.ts";
import { channelOptions, engineGrpc, resourceGrpc } from "./proto.ts";
import { type DynamicProcess, startDynamicProcess } from "./providers/dynamic-process.ts";
import { configRulesOf, DYNAMIC_PACKAGE, providerFactory } from "./providers/factory.ts";
import { ResourceMonitor } from "./resource-monitor.ts";
import type { SnapshotManager } from "./state/snapshot-manager.ts";
import { providerType } from "./urn.ts";

export interface DeploymentOptions {
  readonly project: Project;
  readonly stack: string;
  readonly config: ConfigValues;
  readonly dryRun: boolean;
  readonly parallel: number;
  readonly snapshot: SnapshotManager;
  readonly events: DeployEvents;
}

/** How long a program may go on after its deployment has failed, to say what it has to say. */
const STOP_GRACE_MS = 3_000;

/** The config that a default provider gets: its own namespace, or all of it for dynamic resources. */
function providerConfig(config: ConfigValues, packageName: string, version: string): PropertyMap {
  const inputs: PropertyMap = version === "" ? {} : { version };
  for (const [key, { text, secret }] of config) {
    const [namespace = "", name = ""] = key.split(/:(.*)/s);
    const value = secret ? toSecret(text) : text;
    if (packageName === DYNAMIC_PACKAGE) inputs[key] = value;
    else if (namespace === packageName) inputs[name] = value;
  }
  return inputs;
}

/** One preview, update, refresh or destroy: the servers, the processes and the executor that belong together. */
export class Deployment {
  readonly executor: Executor;
  readonly #options: DeploymentOptions;
  readonly #server = new Server(channelOptions);
  readonly #finished = Promise.withResolvers<void>();
  #address = "";
  #dynamic: Promise<DynamicProcess> | undefined;
  #program: NodeChild | undefined;

  constructor(options: DeploymentOptions) {
    this.#options = options;
    const make = providerFactory(async () => (await this.#dynamicProcess()).provider);
    const registry = new ProviderRegistry(make, configRulesOf, options.snapshot.base);
    this.executor = new Executor({ ...options, project: options.project.name, registry });
  }

  get snapshot(): SnapshotManager {
    return this.#options.snapshot;
  }

  /** Opens the servers for the program and the provider processes. */
  async start(): Promise<void> {
    const { config, events } = this.#options;
    const programDone = Promise.withResolvers<void>();
    this.#programDone = programDone.promise;
    const monitor = new ResourceMonitor({
      ...this.#options,
      project: this.#options.project.name,
      executor: this.executor,
      defaultProviderConfig: (packageName, version) => providerConfig(config, packageName, version),
      programFinished: () => {
        programDone.resolve();
        return this.#finished.promise;
      },
    });
    this.#server.addService(resourceGrpc.ResourceMonitorService, monitor.implementation());
    this.#server.addService(engineGrpc.EngineService, engineService(events));
    this.#address = `127.0.0.1:${await this.#listen()}`;
  }

  #programDone: Promise<void> = Promise.resolve();

  #listen(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
    return promise;
  }

  #dynamicProcess(): Promise<DynamicProcess> {
    const { project, events } = this.#options;
    this.#dynamic ??= startDynamicProcess({
      cwd: project.dir,
      project: project.name,
      engineAddress: this.#address,
      onLine: (stream, line) => events.output("dynamic provider", stream, line),
    });
    return this.#dynamic;
  }

  /** Runs the program to its end, then deletes what it no longer has. Failures end up in the executor. */
  async runProgram(): Promise<void> {
    const { events, snapshot } = this.#options;
    // Started together with the program if it will be needed: it takes as long as the program to load.
    const needed = snapshot.base.resources.some(({ type }) => type === providerType(DYNAMIC_PACKAGE));
    if (needed) this.#dynamicProcess().catch(() => {});
    const program = startProgram({
      ...this.#options,
      address: this.#address,
      onLine: (stream, line) => events.output("program", stream, line),
    });
    this.#program = program;
    // A program that waits for something else than its resources doesn't notice that the deployment has failed.
    void this.executor.stopped.then(() => setTimeout(() => program.stop(), STOP_GRACE_MS).unref());
    const code = await Promise.race([program.exited, this.#programDone.then(() => 0)]);
    if (code !== 0 && !this.executor.failed && !this.executor.cancelled) {
      const known = code === ALREADY_REPORTED_EXIT_CODE;
      this.executor.fail(known ? undefined : `Program exited with non-zero exit code: ${code}`);
    }
    await this.executor.deleteLeftovers();
  }

  /** Waits for steps under way, saves, and ends every process. */
  async close(): Promise<void> {
    await this.executor.finish();
    this.#finished.resolve();
    this.#program?.stop();
    if (this.#dynamic !== undefined) {
      const { child } = await this.#dynamic.catch(() => ({ child: undefined }));
      child?.stop();
      await child?.exited;
    }
    await this.#program?.exited;
    this.#server.forceShutdown();
  }
}
