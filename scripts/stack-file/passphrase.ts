import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { StackFileError } from "./stack-file-error.ts";

const deriveKey = promisify(pbkdf2);
const ITERATIONS = 1_000_000;
const TAG_BYTES = 16;

/** AES-256-GCM in the format of Pulumi's passphrase secrets manager. The key never leaves this object. */
export class Crypter {
  /** `encryptionsalt` as it stands in the stack file. */
  readonly salt: string;
  readonly #key: Buffer;

  constructor(key: Buffer, salt: string) {
    this.#key = key;
    this.salt = salt;
  }

  encrypt(plaintext: string): string {
    return seal(this.#key, plaintext);
  }

  decrypt(ciphertext: string): string {
    return open(this.#key, ciphertext);
  }
}

function seal(key: Buffer, plaintext: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
}

function open(key: Buffer, ciphertext: string): string {
  const [version, nonce = "", sealed = ""] = ciphertext.split(":");
  if (version !== "v1") throw new StackFileError("unknown version of an encrypted value");
  const bytes = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString("utf8");
}

function keyFor(passphrase: string, salt: Buffer): Promise<Buffer> {
  return deriveKey(passphrase, salt, ITERATIONS, 32, "sha256");
}

/** A crypter with a fresh salt. Takes about half a second: the key derivation is slow on purpose. */
export async function newCrypter(passphrase: string): Promise<Crypter> {
  const salt = randomBytes(8);
  const key = await keyFor(passphrase, salt);
  return new Crypter(key, `v1:${salt.toString("base64")}:${seal(key, "pulumi")}`);
}

/** The crypter for an existing salt. Fails if the passphrase is not the one that made it. */
export async function crypterForSalt(passphrase: string, saltState: string): Promise<Crypter> {
  const [version, salt = "", ...check] = saltState.split(":");
  if (version !== "v1" || check.length !== 3) throw new StackFileError("malformed encryptionsalt");
  const key = await keyFor(passphrase, Buffer.from(salt, "base64"));
  try {
    if (open(key, check.join(":")) === "pulumi") return new Crypter(key, saltState);
  } catch {
    // A wrong key shows as a failed authentication tag: the same answer as a wrong check word.
  }
  throw new StackFileError("incorrect passphrase");
}
