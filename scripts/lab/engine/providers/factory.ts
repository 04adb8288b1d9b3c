import type { PropertyMap } from "../property-values.ts";
import { toPlainMap } from "../property-values.ts";
import { UnknownResourceType } from "./builtin.ts";
import type { DynamicProvider } from "./dynamic.ts";
import { keycloakProvider } from "./keycloak/provider.ts";
import { kubernetesProvider } from "./kubernetes/provider.ts";
import { kubernetesConfigRules } from "./kubernetes/provider-settings.ts";
import type { Provider, ProviderConfigRules } from "./provider.ts";
import { randomProvider } from "./random.ts";

/** Package of the SDK's dynamic resources. */
export const DYNAMIC_PACKAGE = "pulumi-nodejs";

/** The rules for the inputs of a package's provider. Undefined: it takes whatever it is given. */
export function configRulesOf(packageName: string): ProviderConfigRules | undefined {
  return packageName === "kubernetes" ? kubernetesConfigRules : undefined;
}

/** Makes configured providers. `dynamic` starts the SDK's provider process on first use. */
export function providerFactory(dynamic: () => Promise<DynamicProvider>) {
  return async (packageName: string, config: PropertyMap, forType: string): Promise<Provider> => {
    const plain = toPlainMap(config);
    switch (packageName) {
      case DYNAMIC_PACKAGE: {
        const provider = await dynamic();
        await provider.configure(plain);
        return provider;
      }
      case "keycloak":
        return keycloakProvider(plain);
      case "random":
        return randomProvider();
      case "kubernetes":
        return kubernetesProvider(plain);
      default:
        throw new UnknownResourceType(forType);
    }
  };
}
