import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import {
  deleteKeyComponent,
  type KeyChange,
  listSigningKeys,
  type RealmKey,
  updateKeyComponent,
} from "./realm-keys.ts";

/**
 * The realm's signing keys while they are changed. They are read when first asked for, and again only after a change: a
 * key that is to be disabled must not stay trusted for the time of needless requests.
 */
export class SigningKeys {
  readonly #admin: KeycloakAdmin;
  #known: RealmKey[] | undefined;

  constructor(admin: KeycloakAdmin) {
    this.#admin = admin;
  }

  /** Every signing key as it was after the last change. */
  async list(): Promise<readonly RealmKey[]> {
    this.#known ??= await listSigningKeys(this.#admin);
    return this.#known;
  }

  async change({ componentId }: RealmKey, change: KeyChange): Promise<void> {
    this.readAgain();
    await updateKeyComponent(this.#admin, componentId, change);
  }

  async delete({ componentId }: RealmKey): Promise<void> {
    this.readAgain();
    await deleteKeyComponent(this.#admin, componentId);
  }

  /** Has them read anew the next time, because so much time has passed that somebody else may have changed them. */
  readAgain(): void {
    this.#known = undefined;
  }
}
