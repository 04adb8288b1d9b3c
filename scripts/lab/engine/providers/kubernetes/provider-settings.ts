import { isDeepStrictEqual } from "node:util";
import { type PropertyMap, UNKNOWN } from "../../property-values.ts";
import type { ProviderConfigRules } from "../provider.ts";
import { activeCluster } from "./kubeconfig-text.ts";

/** Where the cluster is, and how objects are written there. */
export interface ProviderSettings {
  /** A path, or the contents. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly cluster: string | undefined;
  readonly namespace: string | undefined;
  /** A Secret whose data changes is updated in place. Default: replaced. */
  readonly secretMutable: boolean;
  /** Fields that others manage are taken over. Default: a conflict. */
  readonly patchForce: boolean;
  /** A create of what exists already takes it over. Default: an error. */
  readonly upsert: boolean;
  /** What can't be reached stays as the state has it. Default: an error. */
  readonly skipUnreachable: boolean;
}

const CONNECTION = ["kubeconfig", "context", "cluster"];
/** The program's own name for the cluster; where it is given, it alone says whether the cluster is the same. */
const IDENTIFIER = "clusterIdentifier";
const CARRIED = [
  ...CONNECTION,
  IDENTIFIER,
  "namespace",
  "enableSecretMutable",
  "enablePatchForce",
  "upsertExistingObjects",
  "skipUpdateUnreachable",
  "version",
];

function textOf(config: PropertyMap, key: string): string | undefined {
  const value = config[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Reads a provider's inputs. Switches that they leave out may come from the environment, as with the real provider. */
export function settingsOf(config: PropertyMap, env: NodeJS.ProcessEnv): ProviderSettings {
  const isOn = (key: string, variable: string): boolean => String(config[key] ?? env[variable]) === "true";
  return {
    kubeconfig: textOf(config, "kubeconfig"),
    context: textOf(config, "context"),
    cluster: textOf(config, "cluster"),
    namespace: textOf(config, "namespace"),
    secretMutable: isOn("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
    patchForce: isOn("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
    upsert: isOn("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
    skipUnreachable: isOn("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
  };
}

/**
 * A kubeconfig doesn't say which cluster it leads to. What can be compared is the entry of the active cluster: only where
 * both are known and differ, the provider is replaced, and with it all that it manages.
 */
function replacingKeys(olds: PropertyMap, news: PropertyMap): string[] {
  const [oldName, newName] = [olds[IDENTIFIER], news[IDENTIFIER]];
  if (oldName !== undefined && newName !== undefined) return oldName === newName ? [] : [IDENTIFIER];
  const unknown = CONNECTION.find((key) => news[key] === UNKNOWN);
  if (unknown !== undefined) return [unknown];
  const before = activeCluster(olds);
  const now = activeCluster(news);
  if (before === undefined || now === undefined || isDeepStrictEqual(before, now)) return [];
  return CONNECTION.filter((key) => !isDeepStrictEqual(olds[key], news[key]));
}

/** The inputs of `pulumi:providers:kubernetes`. */
export const kubernetesConfigRules: ProviderConfigRules = {
  check(news) {
    return Object.keys(news)
      .filter((property) => !CARRIED.includes(property))
      .map((property) => ({
        property,
        reason: "is not carried by the local engine; use the Pulumi CLI for this program",
      }));
  },
  replacingKeys,
};
