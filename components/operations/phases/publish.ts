import { changed } from "../base/changed.ts";
import { unpack } from "../base/packed.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import { type PublishedKey, publishKey } from "../keys/publish-key.ts";
import { type Algorithm, listKeyComponents } from "../keys/realm-keys.ts";
import { adminOf, detailsOf, hurriedAdminOf, type LaterInputs, type Step, stepOf } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

export interface SigningKeyInputs extends LaterInputs<{ keySize: number }> {
  algorithm: Algorithm;
}

export interface SigningKeyOutputs extends Step, Omit<PublishedKey, "name"> {
  algorithm: Algorithm;
  /** Name of the key provider in Keycloak. */
  keyName: string;
  record: PhaseRecord;
}

/** Phase 3: publish one new key, enabled and not signing yet. */
export async function publishPhase(inputs: SigningKeyInputs): Promise<SigningKeyOutputs> {
  const admin = await hurriedAdminOf(inputs);
  const { run, keySize } = detailsOf(inputs);
  const { algorithm } = inputs;
  const { findings } = unpack(inputs.before);
  const { result, record } = await runPhase(run, "publish", findings, async () => {
    const key = await publishKey(admin, run.rotation, algorithm, keySize);
    return { result: key, summary: `published ${key.kid} (${algorithm}), not signing yet` };
  });
  const { name: keyName, ...key } = result;
  return { ...stepOf(inputs), ...key, algorithm, keyName, record };
}

/** Whether a key component is still in the realm. */
export async function keyComponentExists(realm: string, componentId: string): Promise<boolean> {
  const components = await listKeyComponents(await adminOf({ realm }));
  return components.some(({ id }) => id === componentId);
}

type KeyIdentity = Pick<SigningKeyInputs, "rotation" | "realm" | "algorithm">;

/** Whether a run needs another key than the one before. */
export function isOtherKey(olds: KeyIdentity, news: KeyIdentity): boolean {
  return changed(olds, news, ["rotation", "realm", "algorithm"]).length > 0;
}
