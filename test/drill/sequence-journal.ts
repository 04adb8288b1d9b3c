import { z } from "zod";
import type { Scenario } from "../../scripts/lab/scenario.ts";

const journal = z.array(
  z.looseObject({
    operationType: z.string(),
    resourcePath: z.string(),
    representation: z.string().optional(),
  }),
);
const component = z.looseObject({ name: z.string(), config: z.record(z.string(), z.array(z.string())) });
type Component = z.infer<typeof component>;

interface Replay {
  /** How many changes Keycloak has written down. */
  changes: number;
  /** Those of them after which an algorithm had no key that signs, although it had had one. */
  gaps: string[];
}

/** Keycloak's own list of the changes of a realm's keys, which it writes in the transaction that makes each. */
export class KeyJournal {
  readonly #scenario: Scenario;
  /** What the realm had before the first change, by the path that the journal gives it. */
  readonly #start: ReadonlyMap<string, Component>;
  /** The algorithms of the keys that the realm came with: their components don't say. */
  readonly #algorithms: ReadonlyMap<string, string>;

  private constructor(
    scenario: Scenario,
    start: ReadonlyMap<string, Component>,
    algorithms: ReadonlyMap<string, string>,
  ) {
    this.#scenario = scenario;
    this.#start = start;
    this.#algorithms = algorithms;
  }

  static async open(scenario: Scenario): Promise<KeyJournal> {
    const { admin, realm } = scenario;
    const start = await admin.keyComponents(realm);
    const { keys } = await admin.keys(realm);
    await admin.send("PUT", `/${realm}`, { adminEventsEnabled: true, adminEventsDetailsEnabled: true });
    return new KeyJournal(
      scenario,
      new Map(start.map((one) => [pathOf(one.id), one])),
      new Map(
        keys.flatMap(({ providerId, algorithm }) => (algorithm ? [[pathOf(providerId), algorithm]] : [])),
      ),
    );
  }

  /**
   * Plays the changes again, one after the other. Looking at a realm while it changes could both miss a gap and see
   * what never was: a list of components is read from several rows.
   */
  async replay(algorithms: readonly string[]): Promise<Replay> {
    const { admin, realm } = this.#scenario;
    const events = journal.parse(await admin.get(`/${realm}/admin-events?resourceTypes=COMPONENT&max=10000`));
    const components = new Map(this.#start);
    const firsts = new Map(this.#signing(components));
    const gaps: string[] = [];
    for (const { operationType, resourcePath, representation = "{}" } of events.toReversed()) {
      if (operationType === "DELETE") components.delete(resourcePath);
      else components.set(resourcePath, component.parse(JSON.parse(representation)));
      const signing = new Map(this.#signing(components));
      // Who signs the first tokens of an algorithm only to mint a canary is put back to priority 0, and nobody has gone.
      const isLent = components.get(resourcePath)?.config.priority?.[0] === "0";
      for (const [algorithm, first] of firsts)
        if (isLent && first === resourcePath && !signing.has(algorithm)) firsts.delete(algorithm);
      for (const [algorithm, path] of signing) if (!firsts.has(algorithm)) firsts.set(algorithm, path);
      if (algorithms.some((one) => firsts.has(one) && !signing.has(one)))
        gaps.push(`${operationType} ${resourcePath} ${representation}`);
    }
    return { changes: events.length, gaps };
  }

  #signing(components: ReadonlyMap<string, Component>): [algorithm: string, path: string][] {
    return [...components].flatMap(([path, { name, config }]) => {
      // A key that Keycloak has made with the realm has neither setting, and is both.
      const isOn = (setting: string) => config[setting]?.[0] !== "false";
      const algorithm = this.#algorithms.get(path) ?? /^jwks-break-glass-r\d+-(.+)$/.exec(name)?.[1];
      return algorithm !== undefined && isOn("enabled") && isOn("active") ? [[algorithm, path]] : [];
    });
  }
}

function pathOf(componentId: string): string {
  return `components/${componentId}`;
}
