import { readFileSync } from "node:fs";
import { type Crypter, crypterForSalt, newCrypter } from "./passphrase.ts";
import { StackFileError } from "./stack-file-error.ts";

/** Derives each key once, in memory only. Asks the environment for the passphrase when it is first needed. */
export class Secrets {
  readonly #env: NodeJS.ProcessEnv;
  readonly #crypters = new Map<string, Promise<Crypter>>();

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** The crypter for a salt; a new salt where there is none yet. */
  async crypter(salt: string | undefined): Promise<Crypter> {
    if (salt === undefined) return this.#remember(await newCrypter(this.#passphrase()));
    const known = this.#crypters.get(salt) ?? crypterForSalt(this.#passphrase(), salt);
    this.#crypters.set(salt, known);
    return known;
  }

  #remember(crypter: Crypter): Crypter {
    this.#crypters.set(crypter.salt, Promise.resolve(crypter));
    return crypter;
  }

  #passphrase(): string {
    const { PULUMI_CONFIG_PASSPHRASE: given, PULUMI_CONFIG_PASSPHRASE_FILE: file } = this.#env;
    if (given !== undefined) return given;
    if (file !== undefined) return readFileSync(file, "utf8").trim();
    throw new StackFileError(
      "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
    );
  }
}
