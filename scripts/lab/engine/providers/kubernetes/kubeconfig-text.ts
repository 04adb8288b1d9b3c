import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { isObject, type PropertyMap, type PropertyValue } from "../../property-values.ts";

/** The contents of a kubeconfig that is given as a path or as the contents themselves. */
export function kubeconfigText(pathOrContents: string): string {
  const path = pathOrContents.startsWith("~/") ? join(homedir(), pathOrContents.slice(2)) : pathOrContents;
  return existsSync(path) ? readFileSync(path, "utf8") : pathOrContents;
}

function named(list: PropertyValue | undefined, name: PropertyValue | undefined): PropertyMap | undefined {
  return Array.isArray(list)
    ? list.filter(isObject).find((entry) => name !== undefined && entry.name === name)
    : undefined;
}

function parsed(text: string): PropertyMap {
  try {
    const content: unknown = parse(text);
    return isObject(content) ? content : {};
  } catch {
    // The parser's message would quote the kubeconfig, and so a credential.
    throw new Error("failed to parse kubeconfig");
  }
}

/** The entry of the cluster that a provider's inputs lead to; undefined where they don't say. */
export function activeCluster({ kubeconfig, context, cluster }: PropertyMap): PropertyValue | undefined {
  if (typeof kubeconfig !== "string" || kubeconfig === "") return undefined;
  const content = parsed(kubeconfigText(kubeconfig));
  const inUse = named(content.contexts, context ?? content["current-context"])?.context;
  if (inUse === undefined || !isObject(inUse)) return undefined;
  return named(content.clusters, cluster ?? inUse.cluster)?.cluster;
}
