import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { Goal } from "./deploy/steps.ts";
import type { PropertyMap } from "./property-values.ts";
import { providerType } from "./urn.ts";

/** What a registration asks for. */
export function goalOf(request: RegisterResourceRequest, provider: string): Goal {
  const properties = [...request.getPropertydependenciesMap().entries()];
  return {
    type: request.getType(),
    name: request.getName(),
    custom: request.getCustom(),
    inputs: (request.getObject()?.toJavaScript() ?? {}) as PropertyMap,
    parent: request.getParent(),
    protect: request.getProtect() === true,
    dependencies: request.getDependenciesList(),
    propertyDependencies: Object.fromEntries(properties.map(([key, deps]) => [key, deps.getUrnsList()])),
    provider,
    deleteBeforeReplace: request.getDeletebeforereplacedefined()
      ? request.getDeletebeforereplace()
      : undefined,
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    aliases: request.getAliasurnsList(),
    retainOnDelete: request.getRetainondelete() === true,
    deletedWith: request.getDeletedwith(),
  };
}

/** The default provider of a package, as Pulumi names it. */
export function providerGoal(packageName: string, version: string, inputs: PropertyMap): Goal {
  return {
    type: providerType(packageName),
    name: version === "" ? "default" : `default_${version.replaceAll(".", "_")}`,
    custom: true,
    inputs,
    parent: "",
    protect: false,
    dependencies: [],
    propertyDependencies: {},
    provider: "",
    deleteBeforeReplace: undefined,
    ignoreChanges: [],
    replaceOnChanges: [],
    additionalSecretOutputs: [],
    aliases: [],
    retainOnDelete: false,
    deletedWith: "",
  };
}
