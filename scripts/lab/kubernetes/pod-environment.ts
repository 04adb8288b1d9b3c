import type { CoreV1Api, V1EnvVar, V1Pod } from "@kubernetes/client-node";
import { persistently, refusalStatus } from "./api-calls.ts";

type Values = Readonly<Record<string, string>>;

/** A container can't be created, in a kubelet's words: its pod waits until the cause is fixed. */
export class ContainerConfigError extends Error {}

/**
 * The environment of a pod's first container, with what its Secrets and ConfigMaps hold at this moment.
 *
 * @throws ContainerConfigError where one that is not optional, or its key, does not exist
 */
export async function podEnvironment(
  core: CoreV1Api,
  pod: V1Pod,
  podIP: string,
  signal: AbortSignal,
): Promise<Values> {
  const namespace = pod.metadata?.namespace ?? "default";
  const [container] = pod.spec?.containers ?? [];
  const read = source(core, namespace, signal);
  const result: Record<string, string> = {};
  for (const { prefix = "", secretRef, configMapRef } of container?.envFrom ?? []) {
    const from = secretRef ?? configMapRef;
    const values = from?.name ? await read(secretRef ? "secret" : "configmap", from.name, from.optional) : {};
    for (const [key, value] of Object.entries(values ?? {})) result[`${prefix}${key}`] = value;
  }
  for (const variable of container?.env ?? []) {
    const value = await variableValue(variable, read, fields(pod, podIP));
    if (value !== undefined) result[variable.name] = value;
  }
  return result;
}

type Read = (
  kind: "secret" | "configmap",
  name: string,
  optional: boolean | undefined,
) => Promise<Values | undefined>;

function source(core: CoreV1Api, namespace: string, signal: AbortSignal): Read {
  return async (kind, name, optional) => {
    try {
      if (kind === "configmap") {
        const { data = {} } = await persistently(
          () => core.readNamespacedConfigMap({ name, namespace }),
          signal,
        );
        return data;
      }
      const { data = {} } = await persistently(() => core.readNamespacedSecret({ name, namespace }), signal);
      const decoded = Object.entries(data).map(([key, value]) => [
        key,
        Buffer.from(value, "base64").toString(),
      ]);
      return Object.fromEntries(decoded);
    } catch (error) {
      if (refusalStatus(error) !== 404) throw error;
      if (optional) return undefined;
      throw new ContainerConfigError(`${kind} "${name}" not found`);
    }
  };
}

async function variableValue(
  variable: V1EnvVar,
  read: Read,
  fieldValues: Values,
): Promise<string | undefined> {
  const { secretKeyRef, configMapKeyRef, fieldRef } = variable.valueFrom ?? {};
  if (fieldRef) return fieldValues[fieldRef.fieldPath] ?? "";
  const from = secretKeyRef ?? configMapKeyRef;
  if (!from?.name) return variable.value ?? "";
  const kind = secretKeyRef ? "secret" : "configmap";
  const value = (await read(kind, from.name, from.optional))?.[from.key];
  if (value === undefined && !from.optional) {
    throw new ContainerConfigError(`couldn't find key ${from.key} in ${kind} "${from.name}"`);
  }
  return value;
}

function fields({ metadata, spec }: V1Pod, podIP: string): Values {
  return {
    "metadata.name": metadata?.name ?? "",
    "metadata.namespace": metadata?.namespace ?? "",
    "metadata.uid": metadata?.uid ?? "",
    "spec.nodeName": spec?.nodeName ?? "",
    "status.podIP": podIP,
    "status.hostIP": "127.0.0.1",
  };
}
