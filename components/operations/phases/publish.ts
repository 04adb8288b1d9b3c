import { changed } from "../base/changed.ts";
import { connection } from "../keycloak/connection.ts";
import { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { type PublishedKey, publishKey } from "../keys/publish-key.ts";
import { type Algorithm, listKeyComponents } from "../keys/realm-keys.ts";
import { type AfterOthers, adminOf, type Recorded } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

export type SigningKeyRequest = AfterOthers & { algorithm: Algorithm; keySize: number };

/** Phase 3: publish one new key, enabled and not signing yet. */
export async function publishPhase(request: SigningKeyRequest): Promise<PublishedKey & Recorded> {
  const admin = await adminOf(request);
  const { run, before, algorithm, keySize } = request;
  const { result, record } = await runPhase(run, "publish", before, async () => {
    const key = await publishKey(admin, run.rotation, algorithm, keySize);
    return { result: key, summary: `published ${key.kid} (${algorithm}), not signing yet` };
  });
  return { ...result, record };
}

/** Whether a key component is still in the realm. */
export async function keyComponentExists(realm: string, componentId: string): Promise<boolean> {
  const components = await listKeyComponents(new KeycloakAdmin(await connection(), realm));
  return components.some(({ id }) => id === componentId);
}

/** Whether a run needs another key than the one before. */
export function isOtherKey(olds: KeyRequest, news: KeyRequest): boolean {
  const keyOf = ({ run: { rotation, realm }, algorithm }: KeyRequest) => ({ rotation, realm, algorithm });
  return changed(keyOf(olds), keyOf(news), ["rotation", "realm", "algorithm"]).length > 0;
}

type KeyRequest = Pick<SigningKeyRequest, "run" | "algorithm">;
