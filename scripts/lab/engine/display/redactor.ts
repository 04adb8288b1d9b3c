import { isSecret, type PropertyValue, secretContent, someValue } from "../property-values.ts";

// Masking shorter strings would make ordinary output unreadable and hide nothing worth hiding.
const SHORTEST = 6;

/** Replaces every secret that the engine knows by `[secret]`, whoever printed it. */
export class Redactor {
  readonly #secrets = new Set<string>();

  addText(secret: string): void {
    if (secret.length >= SHORTEST) this.#secrets.add(secret);
  }

  /** Adds all strings inside the secret parts of a value. */
  addSecretsOf(value: PropertyValue): void {
    someValue(value, (part) => {
      if (!isSecret(part)) return false;
      someValue(secretContent(part), (inner) => {
        if (typeof inner === "string") this.addText(inner);
        return false;
      });
      return false;
    });
  }

  clean(text: string): string {
    let result = text;
    for (const secret of this.#secrets) result = result.replaceAll(secret, "[secret]");
    return result;
  }
}
