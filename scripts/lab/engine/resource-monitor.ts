import { randomUUID } from "node:crypto";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { Executor } from "./deploy/executor.ts";
import { Unsupported, unary } from "./grpc-handler.ts";
import type { PropertyMap } from "./property-values.ts";
import { emptyPb, resourcePb, structPb } from "./proto.ts";
import { goalOf, providerGoal } from "./registered-goal.ts";
import { isProviderType, packageOf } from "./urn.ts";

export interface MonitorContext {
  readonly executor: Executor;
  readonly dryRun: boolean;
  readonly parallel: number;
  readonly project: string;
  readonly stack: string;
  /** Inputs of the default provider of a package. */
  defaultProviderConfig(packageName: string, version: string): PropertyMap;
  /** The program has run to its end. Resolves when the deployment has no more use for it. */
  programFinished(): Promise<void>;
}

/** Pulumi's ResourceMonitor: where the program registers its resources. */
export class ResourceMonitor {
  readonly #context: MonitorContext;
  readonly #defaults = new Map<string, Promise<string>>();

  constructor(context: MonitorContext) {
    this.#context = context;
  }

  implementation(): UntypedServiceImplementation {
    const unsupported = (what: string) =>
      unary(async () => {
        throw new Unsupported(`the local engine does not support ${what}; use the Pulumi CLI`);
      });
    return {
      getDeploymentInfo: unary(async () => this.#deploymentInfo()),
      supportsFeature: unary(async () => new resourcePb.SupportsFeatureResponse()),
      registerResource: unary((request: RegisterResourceRequest) => this.#registerResource(request)),
      registerResourceOutputs: unary(
        async (request: InstanceType<typeof resourcePb.RegisterResourceOutputsRequest>) => {
          const outputs = (request.getOutputs()?.toJavaScript() ?? {}) as PropertyMap;
          await this.#context.executor.registerOutputs(request.getUrn(), outputs);
          return new emptyPb.Empty();
        },
      ),
      invoke: unary((request: InstanceType<typeof resourcePb.ResourceInvokeRequest>) =>
        this.#invoke(request),
      ),
      signalAndWaitForShutdown: unary(async () => {
        await this.#context.programFinished();
        return new emptyPb.Empty();
      }),
      readResource: unsupported("reading existing resources"),
      call: unsupported("method calls"),
      registerStackTransform: unsupported("transforms"),
      registerStackInvokeTransform: unsupported("invoke transforms"),
      registerResourceHook: unsupported("resource hooks"),
      registerErrorHook: unsupported("error hooks"),
      registerPackage: unsupported("parameterized packages"),
    };
  }

  #deploymentInfo() {
    const { project, stack, dryRun, parallel } = this.#context;
    const features = resourcePb.ResourceMonitorFeature;
    const info = new resourcePb.DeploymentInfo().setProject(project).setStack(stack);
    return info
      .setOrganization("organization")
      .setDryrun(dryRun)
      .setParallel(parallel)
      .setSupportedfeaturesList([
        features.RESOURCE_MONITOR_FEATURE_SECRETS,
        features.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
        features.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
      ]);
  }

  /** The reference of a package's default provider, which is registered on first use. */
  #defaultProvider(packageName: string, version: string): Promise<string> {
    const key = `${packageName}@${version}`;
    const known = this.#defaults.get(key) ?? this.#registerDefault(packageName, version);
    this.#defaults.set(key, known);
    return known;
  }

  async #registerDefault(packageName: string, version: string): Promise<string> {
    const inputs = this.#context.defaultProviderConfig(packageName, version);
    const state = await this.#context.executor.register(providerGoal(packageName, version, inputs));
    return `${state.urn}::${state.id ?? randomUUID()}`;
  }

  async #registerResource(request: RegisterResourceRequest) {
    if (request.getRemote())
      throw new Unsupported("the local engine does not run remote components; use the Pulumi CLI");
    if (request.getImportid() !== "")
      throw new Unsupported("the local engine does not import resources; use the Pulumi CLI");
    const needsProvider = request.getCustom() && !isProviderType(request.getType());
    const provider = needsProvider
      ? request.getProvider() ||
        (await this.#defaultProvider(packageOf(request.getType()), request.getVersion()))
      : "";
    const state = await this.#context.executor.register(goalOf(request, provider));
    const response = new resourcePb.RegisterResourceResponse().setUrn(state.urn).setId(state.id ?? "");
    // A component's outputs may refer to resources that this program has yet to register.
    return response.setObject(structPb.Struct.fromJavaScript(state.custom ? state.outputs : {}));
  }

  async #invoke(request: InstanceType<typeof resourcePb.ResourceInvokeRequest>) {
    if (request.getTok() !== "pulumi:pulumi:getResource") {
      throw new Unsupported(
        `the local engine carries no functions (${request.getTok()}); use the Pulumi CLI`,
      );
    }
    const urn = String(request.getArgs()?.toJavaScript().urn);
    const state = this.#context.executor.stateOf(urn);
    if (state === undefined) throw new Error(`unknown resource ${urn}`);
    const result = { urn, id: state.id ?? "", state: state.outputs };
    return new resourcePb.ResourceInvokeResponse().setReturn(structPb.Struct.fromJavaScript(result));
  }
}
