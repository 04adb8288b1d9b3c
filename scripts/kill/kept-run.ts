import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { type Packed, pack, unpack } from "#operations/base/packed";
import type { RunContext } from "#operations/base/run-context";
import type { CanaryOutputs } from "#phases/canary";
import type { CutoverOutputs } from "#phases/cut-over";
import type { InternalKeysOutputs } from "#phases/internal-keys";
import type { RevocationOutputs } from "#phases/revoke";
import type { VerificationOutputs } from "#phases/verify";
import { type Crypter, crypterForSalt, newCrypter } from "../stack-file/passphrase.ts";

/** What the phases of an unfinished run have given, as a state would keep it. Secret: it has the canary tokens. */
export interface KeptPhases {
  canary?: CanaryOutputs;
  cutover?: CutoverOutputs;
  revoked?: RevocationOutputs;
  internal?: InternalKeysOutputs;
  verification?: VerificationOutputs;
}

interface KeptFile {
  /** Of the key, which is derived from the admin client's secret. */
  salt: string;
  /** The phases, encrypted. */
  sealed: string;
}

type Place = Pick<RunContext, "stack" | "realm" | "rotation" | "incident" | "evidenceDir">;

/**
 * The memory of a kill that is not proven yet: without the canary tokens of the first attempt no later one could prove
 * anything. A file beside the evidence, encrypted with the admin client's secret, which whoever repeats the run has as well.
 * It goes as soon as the run is proven.
 */
export class KeptRun {
  readonly #path: string;
  readonly #crypter: Crypter;
  #phases: KeptPhases;
  /** One write after the other. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, crypter: Crypter, phases: KeptPhases) {
    this.#path = path;
    this.#crypter = crypter;
    this.#phases = phases;
  }

  /** Opens what an earlier run for the same rotation and incident has kept; what can't be read counts as nothing. */
  static async open(place: Place, secret: string): Promise<KeptRun> {
    const path = pathOf(place);
    const found = await readKept(path, secret);
    return new KeptRun(path, found?.crypter ?? (await newCrypter(secret)), found?.phases ?? {});
  }

  get phases(): KeptPhases {
    return this.#phases;
  }

  /** @throws an error of the file system where it can't be written */
  keep(given: KeptPhases): Promise<void> {
    this.#phases = { ...this.#phases, ...given };
    const sealed = this.#crypter.encrypt(pack(this.#phases));
    const file: KeptFile = { salt: this.#crypter.salt, sealed };
    const turn = this.#writing.then(async () => {
      await mkdir(join(this.#path, ".."), { recursive: true, mode: 0o700 });
      await writeFileAtomic(this.#path, `${JSON.stringify(file)}\n`, { mode: 0o600 });
    });
    this.#writing = turn.catch(() => undefined);
    return turn;
  }

  async forget(): Promise<void> {
    await this.#writing;
    const folder = dirname(this.#path);
    const own = basename(this.#path);
    const found = await readdir(folder).catch(() => []);
    // A run that was killed while it wrote leaves what it had written beside it.
    const files = found.filter((name) => name === own || name.startsWith(`${own}.`));
    await Promise.all(files.map((name) => rm(join(folder, name), { force: true })));
  }
}

function pathOf({ stack, realm, rotation, incident, evidenceDir }: Place): string {
  const name = [stack, realm, incident, rotation].map((part) => encodeURIComponent(part)).join("+");
  return join(evidenceDir, ".kill", `${name}.json`);
}

async function readKept(
  path: string,
  secret: string,
): Promise<{ crypter: Crypter; phases: KeptPhases } | undefined> {
  try {
    const { salt, sealed } = JSON.parse(await readFile(path, "utf8")) as KeptFile;
    const crypter = await crypterForSalt(secret, salt);
    return { crypter, phases: unpack(crypter.decrypt(sealed) as Packed<KeptPhases>) };
  } catch {
    return undefined;
  }
}
