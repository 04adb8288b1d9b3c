import { isObject, isSecret, type PropertyValue, secretContent } from "../property-values.ts";

// Masking shorter strings would make ordinary output unreadable and hide nothing worth hiding.
const SHORTEST = 6;
const TELLING_NAME = /secret|password|passphrase|token|credential/i;
const JWT = /^eyJ[\w-]+\.[\w-]+\./;

/**
 * Replaces the secrets that the engine knows by `[secret]`, whoever printed them. Of a structured secret only the
 * parts that are secret by name or form are masked: a key's kid may lie beside a token, and must stay readable.
 */
export class Redactor {
  readonly #secrets = new Set<string>();

  addText(secret: string): void {
    if (secret.length >= SHORTEST) this.#secrets.add(secret);
  }

  /** Adds the secrets inside a value. */
  addSecretsOf(value: PropertyValue): void {
    if (isSecret(value)) this.#addContent(secretContent(value), true);
    else if (Array.isArray(value)) for (const item of value) this.addSecretsOf(item);
    else if (isObject(value)) for (const item of Object.values(value)) this.addSecretsOf(item);
  }

  #addContent(content: PropertyValue, isWhole: boolean): void {
    const plain = secretContent(content);
    if (typeof plain === "string" && (isWhole || JWT.test(plain))) this.addText(plain);
    else if (Array.isArray(plain)) for (const item of plain) this.#addContent(item, isSecret(item));
    else if (isObject(plain)) {
      for (const [key, item] of Object.entries(plain))
        this.#addContent(item, TELLING_NAME.test(key) || isSecret(item));
    }
  }

  clean(text: string): string {
    let result = text;
    for (const secret of this.#secrets) result = result.replaceAll(secret, "[secret]");
    return result;
  }
}
