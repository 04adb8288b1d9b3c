import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { Document, isMap, parseDocument } from "yaml";
import { unreadable } from "./stack-file-error.ts";

/** A value of the stack file. `{ secure: ciphertext }` may stand anywhere inside it. */
export type ConfigNode = null | boolean | number | string | ConfigNode[] | { [key: string]: ConfigNode };

export interface SecureValue {
  secure: string;
}

export function isSecureValue(node: ConfigNode): node is { secure: string } {
  if (typeof node !== "object" || node === null || Array.isArray(node)) return false;
  return Object.keys(node).length === 1 && typeof node.secure === "string";
}

/** Whether something encrypted stands anywhere inside a value. */
export function hasSecure(node: ConfigNode): boolean {
  if (typeof node !== "object" || node === null) return false;
  return isSecureValue(node) || Object.values(node).some(hasSecure);
}

/** `Pulumi.<stack>.yaml`. Comments and key order survive a change. */
export class StackConfigFile {
  readonly path: string;
  readonly #document: Document;

  constructor(path: string) {
    this.path = path;
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    this.#document = text.trim() === "" ? new Document({}) : parseDocument(text);
    const [problem] = this.#document.errors;
    if (problem !== undefined) throw unreadable(`could not read ${path}: ${problem.message}`);
    if (!isMap(this.#document.contents)) throw unreadable(`could not read ${path}: not a map`);
  }

  /** The file of a stack in its project folder, unless `--config-file` names another. */
  static of(projectDir: string, stack: string, configFile: string | undefined): StackConfigFile {
    return new StackConfigFile(configFile ?? join(projectDir, `Pulumi.${stack}.yaml`));
  }

  get salt(): string | undefined {
    const salt = this.#document.get("encryptionsalt");
    return typeof salt === "string" ? salt : undefined;
  }

  set salt(value: string) {
    this.#document.set("encryptionsalt", value);
  }

  /** The values by full key, `namespace:name`. */
  values(): Record<string, ConfigNode> {
    const { config } = (this.#document.toJS() ?? {}) as { config?: Record<string, ConfigNode> | null };
    return config ?? {};
  }

  set(path: (string | number)[], value: ConfigNode | SecureValue): void {
    if (!this.#document.has("config")) this.#document.set("config", this.#document.createNode({}));
    this.#document.setIn(["config", ...path], this.#document.createNode(value));
  }

  remove(path: (string | number)[]): void {
    this.#document.deleteIn(["config", ...path]);
  }

  async save(): Promise<void> {
    await writeFileAtomic(this.path, this.#document.toString(), { mode: 0o600 });
  }
}
