import { createHash } from "node:crypto";
import type { Crypter } from "../../../stack-file/passphrase.ts";
import {
  isObject,
  isSecret,
  type PropertyMap,
  type PropertyValue,
  SECRET_SIGNATURE,
  SIGNATURE_KEY,
  secretContent,
  toSecret,
} from "../property-values.ts";
import type { OperationType, PendingOperation, ResourceState, Snapshot } from "./resource-state.ts";

type Json = PropertyValue;
type JsonMap = { [key: string]: Json };

/** Pulumi's deployment format, version 3, as it lies in a checkpoint file. */
export interface DeploymentV3 {
  manifest: { time: string; magic: string; version: string };
  secrets_providers?: { type: string; state: { salt: string } };
  resources?: JsonMap[];
  pending_operations?: { resource: JsonMap; type: OperationType }[];
  metadata?: JsonMap;
}

const VERSION = "v3.270.0-local-engine";
const ciphertexts = new WeakMap<object, { ciphertext: string; salt: string }>();

function mapInside(value: Json, change: (value: Json) => Json): Json {
  if (Array.isArray(value)) return value.map(change);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(inner)]));
}

/** Replaces each secret by its ciphertext. An object that was encrypted before with the same key keeps its ciphertext. */
function encrypted(value: Json, crypter: Crypter): Json {
  if (!isSecret(value)) return mapInside(value, (inner) => encrypted(inner, crypter));
  const { salt } = crypter;
  const known = ciphertexts.get(value);
  const ciphertext =
    known?.salt === salt ? known.ciphertext : crypter.encrypt(JSON.stringify(plainSecret(value)));
  ciphertexts.set(value, { ciphertext, salt });
  return { [SIGNATURE_KEY]: SECRET_SIGNATURE, ciphertext };
}

// A secret inside a secret is encrypted once, by the outer one; Pulumi keeps the inner mark with a plain value.
function plainSecret(value: Json): Json {
  return mapInside(secretContent(value), (inner) => (isSecret(inner) ? plainSecret(inner) : inner));
}

function decrypted(value: Json, crypter: Crypter | undefined): Json {
  if (!isSecret(value)) return mapInside(value, (inner) => decrypted(inner, crypter));
  const { ciphertext, plaintext } = value;
  if (typeof plaintext === "string") return toSecret(JSON.parse(plaintext) as Json);
  if (typeof ciphertext !== "string" || crypter === undefined) return value;
  const secret = toSecret(JSON.parse(crypter.decrypt(ciphertext)) as Json);
  if (isSecret(secret)) ciphertexts.set(secret, { ciphertext, salt: crypter.salt });
  return secret;
}

/** Shows secrets in the form of `stack export --show-secrets`. */
function revealed(value: Json): Json {
  if (!isSecret(value)) return mapInside(value, revealed);
  return { [SIGNATURE_KEY]: SECRET_SIGNATURE, plaintext: JSON.stringify(plainSecret(value)) };
}

function withoutEmpty(state: ResourceState): JsonMap {
  const entries = Object.entries({ ...state }).filter(([, value]) => {
    if (value === undefined || value === false || value === "") return false;
    return typeof value !== "object" || Object.keys(value).length > 0;
  });
  return { custom: state.custom, ...Object.fromEntries(entries) } as JsonMap;
}

function resourceToJson(state: ResourceState, change: (value: Json) => Json): JsonMap {
  const json = withoutEmpty(state);
  for (const key of ["inputs", "outputs"]) if (json[key] !== undefined) json[key] = change(json[key]);
  return json;
}

function resourceFromJson(json: JsonMap, crypter: Crypter | undefined): ResourceState {
  const state = json as unknown as Partial<ResourceState>;
  return {
    dependencies: [],
    initErrors: [],
    propertyDependencies: {},
    additionalSecretOutputs: [],
    ignoreChanges: [],
    replaceOnChanges: [],
    ...state,
    urn: state.urn ?? "",
    type: state.type ?? "",
    custom: state.custom ?? false,
    inputs: decrypted(state.inputs ?? {}, crypter) as PropertyMap,
    outputs: decrypted(state.outputs ?? {}, crypter) as PropertyMap,
  };
}

/** Encrypts and writes out a snapshot. With `showSecrets` the secrets are readable. */
export function toDeployment(snapshot: Snapshot, crypter: Crypter, showSecrets = false): DeploymentV3 {
  const change = (value: Json): Json => (showSecrets ? revealed(value) : encrypted(value, crypter));
  const pending = snapshot.pendingOperations.map(({ resource, type }) => ({
    resource: resourceToJson(resource, change),
    type,
  }));
  return {
    manifest: {
      time: new Date().toISOString(),
      magic: createHash("sha256").update(VERSION).digest("hex"),
      version: VERSION,
    },
    secrets_providers: { type: "passphrase", state: { salt: crypter.salt } },
    resources: snapshot.resources.map((state) => resourceToJson(state, change)),
    ...(pending.length > 0 && { pending_operations: pending }),
    metadata: {},
  };
}

export function fromDeployment(deployment: DeploymentV3, crypter: Crypter | undefined): Snapshot {
  const pendingOperations = (deployment.pending_operations ?? []).map(
    ({ resource, type }): PendingOperation => ({ resource: resourceFromJson(resource, crypter), type }),
  );
  const resources = (deployment.resources ?? []).map((json) => resourceFromJson(json, crypter));
  return { resources, pendingOperations };
}
