import assert from "node:assert/strict";
import { z } from "zod";
import type { LabKeys } from "../../scripts/lab/keycloak-realms.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { KeyJournal } from "./sequence-journal.ts";
import type { Expected } from "./sequence-model.ts";
import { kidOf, outputsShape, statusesOf } from "./world.ts";

const stackShape = outputsShape.extend({ rotation: z.number(), passiveKids: z.array(z.string()) });

/** Tokens of the realm live for 5 min; those that are older say nothing of their key. */
const freshMs = 4 * 60_000;

/** Says whether Keycloak, the stack's outputs and the instances are as a realm must be, from outside of the program. */
export class RealmWitness {
  readonly #scenario: Scenario;
  readonly #clients: Clients;
  readonly #journal: KeyJournal;
  /** By `algorithm rotation`. */
  readonly #kids = new Map<string, string>();
  readonly #tokens = new Map<string, { token: string; mintedAt: number }>();
  /** Kids that were trusted before the `up` that is under way. */
  #before: string[] = [];
  /** And before the one of the same step that was killed. */
  #killed: string[] = [];
  /** Kids that the last step has ended. */
  #retired: string[] = [];
  /** Kids that an `up` has ended which was killed; where that was before its state was written, the next one tells them. */
  #endedByKilled: string[] = [];

  private constructor(scenario: Scenario, clients: Clients, journal: KeyJournal) {
    this.#scenario = scenario;
    this.#clients = clients;
    this.#journal = journal;
  }

  static async open(scenario: Scenario, algorithms: readonly string[]): Promise<RealmWitness> {
    const { admin, realm } = scenario;
    const journal = await KeyJournal.open(scenario);
    const clients: Clients = new Map();
    for (const algorithm of algorithms) {
      const attributes = { "access.token.signed.response.alg": algorithm };
      clients.set(
        algorithm,
        await admin.createClient(realm, `asks-${algorithm.toLowerCase()}`, undefined, attributes),
      );
    }
    const witness = new RealmWitness(scenario, clients, journal);
    for (const [algorithm, kid] of Object.entries((await admin.keys(realm)).active))
      witness.#kids.set(`${algorithm} 0`, kid);
    return witness;
  }

  /**
   * Notes what is trusted, and has each key that signs sign a token that is shown around after the step.
   *
   * @param isAgain whether an `up` of the same step has been killed
   */
  async before(isAgain = false): Promise<void> {
    const { admin, realm } = this.#scenario;
    this.#killed = isAgain ? this.#before : [];
    this.#before = (await admin.signingKeys(realm)).flatMap(({ kid = [] }) => kid);
    const { active } = await admin.keys(realm);
    for (const [algorithm, client] of this.#clients) {
      // Without a key, Keycloak would make one of its own.
      if (active[algorithm] === undefined) continue;
      const token = await admin.mint(realm, client);
      this.#tokens.set(kidOf(token), { token, mintedAt: Date.now() });
    }
  }

  /** Everything that a refused run must leave as it is. */
  async look(): Promise<unknown> {
    const { admin, realm, stack } = this.#scenario;
    return [await admin.keyComponents(realm), await admin.keys(realm), await stack.outputs()];
  }

  /** @param isNewStep whether the stack has gone on to another step of a rotation, and says what that has retired */
  async check(expected: Expected, isNewStep: boolean): Promise<void> {
    const { admin, realm } = this.#scenario;
    const keys = await admin.keys(realm);
    const trusted = await admin.signingKeys(realm);
    await this.#learn(expected, keys);
    assert.deepEqual(
      sorted(trusted.map(({ kid, status }) => `${kid} ${status}`)),
      sorted(this.#statuses(expected)),
      "trusted keys in Keycloak",
    );
    this.#checkPriorities(expected, keys);
    const trustedKids = this.#trusted(expected);
    if (isNewStep) {
      const isEnded = (kid: string) => !trustedKids.includes(kid);
      this.#retired = this.#before.filter(isEnded);
      this.#endedByKilled = this.#killed.filter((kid) => isEnded(kid) && !this.#before.includes(kid));
    }
    assert.deepEqual(sorted(await admin.publishedKids(realm)), sorted(trustedKids), "JWKS");
    await this.#checkOutputs(expected);
    await this.#checkTokens(expected);
  }

  /** A key is known by the name that its rotation gives it. */
  async #learn({ rotation, trusted }: Expected, { keys }: LabKeys): Promise<void> {
    const components = await this.#scenario.admin.keyComponents(this.#scenario.realm);
    const kidNamed = (name: string) => {
      const owner = components.find((one) => one.name === name);
      return keys.find(({ providerId }) => providerId === owner?.id)?.kid;
    };
    for (const [algorithm, [signer]] of Object.entries(trusted)) {
      const made = kidNamed(`jwks-break-glass-r${rotation}-${algorithm}`);
      const known = this.#kids.get(`${algorithm} ${rotation}`);
      if (known === undefined && made !== undefined) this.#kids.set(`${algorithm} ${rotation}`, made);
      const signs = kidNamed(`jwks-break-glass-r${signer}-${algorithm}`);
      assert.equal(
        signs,
        this.#kid(algorithm, signer ?? rotation),
        `the managed ${algorithm} key of ${signer}`,
      );
    }
  }

  #kid(algorithm: string, rotation: number): string {
    return this.#kids.get(`${algorithm} ${rotation}`) ?? assert.fail(`no ${algorithm} key of ${rotation}`);
  }

  #trusted({ trusted }: Expected): string[] {
    return Object.entries(trusted).flatMap(([algorithm, rotations]) =>
      rotations.map((rotation) => this.#kid(algorithm, rotation)),
    );
  }

  #statuses({ trusted }: Expected): string[] {
    return Object.entries(trusted).flatMap(([algorithm, rotations]) =>
      rotations.map((one, index) => `${this.#kid(algorithm, one)} ${index === 0 ? "ACTIVE" : "PASSIVE"}`),
    );
  }

  #signers({ trusted }: Expected): [algorithm: string, kid: string][] {
    return Object.entries(trusted).flatMap(([algorithm, [signer]]) =>
      signer === undefined ? [] : [[algorithm, this.#kid(algorithm, signer)]],
    );
  }

  #checkPriorities(expected: Expected, { active, keys }: LabKeys): void {
    for (const [algorithm, kid] of this.#signers(expected)) {
      assert.equal(active[algorithm], kid, `the ${algorithm} signer`);
      const rivals = keys.filter((key) => key.algorithm === algorithm && key.kid !== kid);
      const own = keys.find((key) => key.kid === kid)?.providerPriority ?? 0;
      for (const { kid: rival, providerPriority } of rivals)
        assert.ok(own > providerPriority, `${kid} has priority ${own}, ${rival} ${providerPriority}`);
    }
  }

  async #checkOutputs(expected: Expected): Promise<void> {
    const { rotation, verified, kids, passiveKids, retiredKids } = stackShape.parse(
      await this.#scenario.stack.outputs(),
    );
    const signers = this.#signers(expected);
    const signing = signers.map(([, kid]) => kid);
    assert.deepEqual(
      {
        rotation,
        verified,
        kids,
        passiveKids: sorted(passiveKids),
        retiredKids: sorted(retiredKids.filter((kid) => !this.#endedByKilled.includes(kid))),
      },
      {
        rotation: expected.rotation,
        verified: true,
        kids: Object.fromEntries(signers),
        passiveKids: sorted(this.#trusted(expected).filter((kid) => !signing.includes(kid))),
        retiredKids: sorted(this.#retired),
      },
      "stack outputs",
    );
  }

  /** Instances keep a key until they are told: so this shows that they were. */
  async #checkTokens(expected: Expected): Promise<void> {
    const trusted = this.#trusted(expected);
    for (const [kid, { token, mintedAt }] of this.#tokens) {
      if (Date.now() - mintedAt > freshMs) continue;
      const status = trusted.includes(kid) ? 200 : 401;
      const statuses = await statusesOf(this.#scenario, token);
      assert.deepEqual(
        statuses,
        statuses.map(() => status),
        `a token of ${kid}`,
      );
    }
  }

  /** At no moment may an algorithm have been without a key that signs. */
  async checkJournal(): Promise<void> {
    const { changes, gaps } = await this.#journal.replay([...this.#clients.keys()]);
    assert.ok(changes > 0, "Keycloak's journal has no change of a key");
    assert.deepEqual(gaps, [], "changes that left an algorithm without a key that signs");
  }
}

type Clients = Map<string, { clientId: string; clientSecret: string }>;

function sorted(texts: readonly string[]): string[] {
  return texts.toSorted();
}
