import { type PropertyMap, toWire } from "../../property-values.ts";
import { type ExistingResource, InitError } from "../provider.ts";
import { checkpointObject, checkpointParts } from "./checkpoint-object.ts";
import type { Connection } from "./connection.ts";
import { CREATOR, hasNoManagers, isCreatedByUs, takenOver } from "./field-managers.ts";
import type { ProviderSettings } from "./provider-settings.ts";
import { annotationOf, nameOf, namespaceOf, normalized, uniqueName } from "./secret-inputs.ts";
import { type ObjectName, Refused } from "./secrets-api.ts";

const FORCE = "pulumi.com/patchForce";
const MANAGER = "pulumi.com/patchFieldManager";

export interface WriteContext {
  readonly connection: Connection;
  readonly settings: ProviderSettings;
  readonly isPatch: boolean;
  readonly dryRun: boolean;
}

export function idOf(object: PropertyMap): string {
  return `${namespaceOf(object)}/${nameOf(object)}`;
}

export function objectAt(id: string): ObjectName {
  const [namespace = "", name = ""] = id.split("/");
  return { namespace, name };
}

function fieldManagerOf(inputs: PropertyMap, known: string | undefined): string {
  return annotationOf(inputs, MANAGER) ?? known ?? uniqueName("pulumi-kubernetes-");
}

function isForced(inputs: PropertyMap, { settings }: WriteContext): boolean {
  return settings.patchForce || annotationOf(inputs, FORCE) === "true";
}

/** A conflict or a refusal, with what to do about it. */
function explained(error: unknown, fieldManager: string): Error {
  if (!(error instanceof Refused)) return error instanceof Error ? error : new Error(String(error));
  if (error.reason === "AlreadyExists") {
    const advice = "adopt it with a SecretPatch, or set upsertExistingObjects on the provider";
    const message = `${error.message}\nThe resource already exists in the cluster: ${advice}`;
    return new Error(message, { cause: error });
  }
  if (error.reason !== "Conflict") return error;
  return new Error(
    `server-side apply field conflict detected\nThe resource managed by field manager "${fieldManager}" ` +
      `had an apply conflict: ${error.message}`,
  );
}

/** Creates a Secret; a patch, or any Secret of a provider that upserts, is applied instead. Gives its outputs. */
export async function createSecret(context: WriteContext, inputs: PropertyMap): Promise<PropertyMap> {
  const { connection, settings, isPatch, dryRun } = context;
  const { secrets } = connection;
  const fieldManager = fieldManagerOf(inputs, undefined);
  const at = { namespace: namespaceOf(inputs), name: nameOf(inputs) };
  const force = isForced(inputs, context) || dryRun;
  try {
    const live =
      isPatch || settings.upsert
        ? await secrets.apply(at, inputs, { fieldManager, dryRun, force })
        : await secrets.create(at.namespace, inputs, { fieldManager: CREATOR, dryRun });
    return checkpointObject(inputs, live, fieldManager);
  } catch (error) {
    throw explained(error, fieldManager);
  }
}

/** Ends the management of every field. Fields that nobody else manages go. */
async function relinquish({ connection }: WriteContext, at: ObjectName, fieldManager: string): Promise<void> {
  const { secrets } = connection;
  // An apply would create an object that is gone.
  if ((await secrets.find(at)) === undefined) return;
  const body = { apiVersion: "v1", kind: "Secret", metadata: { ...at } };
  await secrets.apply(at, body, { fieldManager, dryRun: false, force: false });
}

async function apply(
  context: WriteContext,
  at: ObjectName,
  inputs: PropertyMap,
  fieldManager: string,
): Promise<PropertyMap> {
  const { connection, isPatch, dryRun } = context;
  const { secrets } = connection;
  const live = await secrets.find(at);
  if (live === undefined) throw new Error(`secrets "${at.name}" not found`);
  const { resourceVersion } = live.metadata as PropertyMap;
  const managedFields = isPatch || dryRun ? undefined : takenOver(live, fieldManager);
  if (managedFields !== undefined) await secrets.setManagedFields(at, managedFields, String(resourceVersion));
  const force = isForced(inputs, context) || (dryRun && isCreatedByUs(live)) || hasNoManagers(live);
  return secrets.apply(at, inputs, { fieldManager, dryRun, force });
}

/**
 * Updates a Secret in place.
 *
 * @throws {InitError} where the server refuses: the object is there, and the next run tries again
 */
export async function updateSecret(
  context: WriteContext,
  resource: ExistingResource,
  news: PropertyMap,
): Promise<PropertyMap> {
  const { id, outputs } = resource;
  const at = objectAt(id);
  const inputs = normalized(news);
  const known = checkpointParts(outputs).fieldManager;
  const fieldManager = fieldManagerOf(inputs, known);
  try {
    const live = await apply(context, at, inputs, fieldManager);
    const isRenamed = !context.dryRun && known !== undefined && known !== fieldManager;
    if (isRenamed) await relinquish(context, at, known);
    return checkpointObject(inputs, live, fieldManager);
  } catch (error) {
    const failure = explained(error, fieldManager);
    const live = error instanceof Refused ? await context.connection.secrets.find(at) : undefined;
    if (live === undefined) throw new Error(`update of ${id} failed: ${failure.message}`, { cause: error });
    throw new InitError(id, checkpointObject(inputs, toWire(live), fieldManager), [failure.message]);
  }
}

/** Deletes a Secret; of a patch only its fields. */
export async function deleteSecret(context: WriteContext, { id, outputs }: ExistingResource): Promise<void> {
  const { fieldManager } = checkpointParts(outputs);
  if (!context.isPatch) return context.connection.secrets.remove(objectAt(id));
  if (fieldManager !== undefined) await relinquish(context, objectAt(id), fieldManager);
}
